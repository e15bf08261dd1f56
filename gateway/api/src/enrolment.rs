use serde::{Deserialize, Serialize};

/// `POST /v1/enrolment`, the one call that needs no client certificate.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Enrolment {
    /// The one-use code of `terminal invite`.
    pub code: String,
    /// PKCS #10 request in PEM (RFC 2986); only its public key is used, the gateway names the terminal.
    pub csr: String,
}

/// What a terminal keeps in its enrolment folder; every certificate in PEM.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EnrolmentAnswer {
    pub terminal: String,
    /// The terminal's certificate (`terminal.pem`).
    pub certificate: String,
    /// Issuer of the server's certificate (`trust.pem`).
    pub trust: String,
    /// Issuer of inspected leaves (`inspection.pem`).
    pub inspection: String,
    /// Verifier key of the journal, a C2SP signed-note key line.
    pub journal_key: String,
}
