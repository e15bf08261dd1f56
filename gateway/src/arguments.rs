//! The command line, as the outside contract has it. Shapes and forms only: what may be done is judged in `verbs`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use jiff::Timestamp;
use passerelle_audit::{Effect, Kind, Query};
use passerelle_gateway::identifier::{GroupId, Login, PersonId, TerminalId};
use passerelle_gateway::staff::Role;
use passerelle_gateway::verbs::policy_import::Form;

/// The gateway of Passerelle: the only way out of the terminals, and the verbs that run it.
#[derive(Parser)]
#[command(name = "passerelle-gateway", version, max_term_width = 110)]
pub struct Arguments {
    #[command(subcommand)]
    pub verb: Verb,
    /// The gateway's data folder
    #[arg(long, global = true, value_name = "DIR", env = "PASSERELLE_DATA")]
    pub data: Option<PathBuf>,
    /// Print one JSON object on standard output
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Subcommand)]
pub enum Verb {
    /// Make keys, database, starter policy and first administrator in an empty DIR
    Init {
        /// Host name or address of the server certificate, besides localhost and 127.0.0.1 (may be given again)
        #[arg(long = "name", value_name = "HOST")]
        names: Vec<String>,
    },
    /// Serve terminals and staff until SIGTERM
    Serve(Serve),
    /// Let terminals in, and out
    #[command(subcommand)]
    Terminal(TerminalVerb),
    /// The people who sign in at terminals
    #[command(subcommand)]
    Person(PersonVerb),
    /// The people who decide and review
    #[command(subcommand)]
    Staff(StaffVerb),
    /// What may be opened
    #[command(subcommand)]
    Policy(PolicyVerb),
    /// The stop button
    #[command(subcommand)]
    Access(AccessVerb),
    /// What people learn from without the Internet
    #[command(subcommand)]
    Catalogue(CatalogueVerb),
    /// The journal
    #[command(subcommand)]
    Audit(AuditVerb),
}

/// Each flag beats its key in the environment and in gateway.toml.
#[derive(Args)]
pub struct Serve {
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub terminal_listen: Option<SocketAddr>,
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub staff_listen: Option<SocketAddr>,
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub metrics_listen: Option<SocketAddr>,
}

#[derive(Subcommand)]
pub enum TerminalVerb {
    /// Print a code that enrols terminal NAME once, within 24 hours
    Invite {
        name: TerminalId,
    },
    /// Enrol terminal NAME here and write its enrolment folder
    Enrol {
        name: TerminalId,
        #[arg(long, value_name = "FOLDER")]
        out: PathBuf,
    },
    /// Refuse terminal NAME from now on and end its sessions
    Revoke {
        name: TerminalId,
    },
    List,
}

#[derive(Subcommand)]
pub enum PersonVerb {
    /// Add a person; the PIN (6 digits or more) is read from standard input
    Add {
        #[arg(long)]
        id: PersonId,
        #[arg(long)]
        name: String,
        /// Group of the person (may be given again); everybody is in `everyone`
        #[arg(long = "group", value_name = "GROUP")]
        groups: Vec<GroupId>,
        /// Guard, counsellor or referent of the person (may be given again)
        #[arg(long, value_name = "LOGIN")]
        trio: Vec<Login>,
        #[arg(long, required = true)]
        pin_stdin: bool,
    },
    List,
    /// Give a person another PIN, read from standard input; an open session ends
    Pin {
        id: PersonId,
        #[arg(long, required = true)]
        pin_stdin: bool,
    },
    /// End a person's sessions and refuse sign-in until unlocked
    Lock {
        id: PersonId,
    },
    Unlock {
        id: PersonId,
    },
    /// The person leaves: sessions end, sign-in is refused, grants lapse
    Release {
        id: PersonId,
    },
}

#[derive(Subcommand)]
pub enum StaffVerb {
    /// Add a member of staff; the password is read from standard input
    Add {
        #[arg(long)]
        login: Login,
        #[arg(long, value_parser = Role::ALL.map(Role::word))]
        role: String,
        #[arg(long, required = true)]
        password_stdin: bool,
    },
    /// Change one's own password; read from standard input: the old one, then the new one, a line each
    Password {
        #[arg(long)]
        login: Login,
        #[arg(long, required = true)]
        password_stdin: bool,
    },
    List,
}

/// Who stands for it.
#[derive(Args)]
pub struct By {
    /// Login of the member of staff who does it; the password is read from standard input
    #[arg(long, value_name = "LOGIN")]
    pub by: Login,
    #[arg(long, required = true)]
    pub password_stdin: bool,
}

#[derive(Subcommand)]
pub enum PolicyVerb {
    /// Print every mistake of a policy file, with the mend
    Check { file: PathBuf },
    /// Propose a policy file as the next version
    Propose {
        file: PathBuf,
        #[command(flatten)]
        by: By,
        #[arg(long, default_value = "")]
        comment: String,
    },
    /// Replay past requests through FILE: what would it refuse or allow that the published policy does not?
    Preview {
        file: PathBuf,
        /// Whole days before today; the journal keeps about a year
        #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=366))]
        days: u16,
    },
    /// Print a draft policy made from another proxy's lists, and on standard error what was left out
    Import {
        form: Form,
        /// squid: the configuration; hosts: the list; ut1: a category's folder, with `domains` and `urls`
        path: PathBuf,
    },
    /// Sign a proposed version, which publishes it
    Sign {
        version: u64,
        #[command(flatten)]
        by: By,
    },
    /// Print a version's text, the published one's without a number
    Show { version: Option<u64> },
    /// Every version, latest first
    History,
    /// Emergency: refuse one host to everybody at once (only ever narrows)
    Refuse {
        host: String,
        #[command(flatten)]
        by: By,
    },
    /// Say whether a request would be allowed, and why; exit 0 allowed, 1 refused
    Explain(Explain),
    /// Open named hosts to a test person (group staff-test) and record what the step asks for
    Learn {
        #[arg(long, value_name = "ID")]
        person: PersonId,
        /// Host, or host:port, of the step (may be given again)
        #[arg(long = "host", value_name = "HOST", required = true)]
        hosts: Vec<String>,
        #[arg(long, value_name = "N", default_value_t = 30)]
        minutes: u32,
        /// Id of the service to be
        #[arg(long, value_name = "ID")]
        service: String,
        /// Its name, in French
        #[arg(long)]
        name: String,
        #[arg(long, default_value = "administrative", value_parser = ["administrative", "training"])]
        category: String,
        #[command(flatten)]
        by: By,
    },
    /// End the recording and print the policy with the drafted service, and on standard error what was left out
    Learnt {
        #[arg(long, value_name = "ID")]
        person: PersonId,
        #[command(flatten)]
        by: By,
    },
}

#[derive(Args)]
pub struct Explain {
    /// A policy file instead of the published policy
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    #[arg(long)]
    pub url: String,
    #[arg(long, default_value = "GET")]
    pub method: String,
    /// As this person: their groups and the minutes they used
    #[arg(long, value_name = "ID", conflicts_with = "groups")]
    pub person: Option<PersonId>,
    /// As somebody of this group (may be given again)
    #[arg(long = "group", value_name = "GROUP")]
    pub groups: Vec<GroupId>,
    /// At this moment (RFC 3339) instead of now
    #[arg(long, value_name = "TIME")]
    pub at: Option<Timestamp>,
    /// What the browser asks for: document, script, style, image, font, empty, iframe, websocket …
    #[arg(long, value_name = "WORD", default_value = "document")]
    pub destination: String,
    /// This page was opened before, by the same session
    #[arg(long, value_name = "URL")]
    pub from_page: Option<String>,
}

#[derive(Subcommand)]
pub enum AccessVerb {
    /// Refuse all access, or one group's, until resumed
    Stop {
        #[arg(long)]
        group: Option<GroupId>,
        #[command(flatten)]
        by: By,
    },
    Resume {
        #[arg(long)]
        group: Option<GroupId>,
        #[command(flatten)]
        by: By,
    },
}

#[derive(Subcommand)]
pub enum CatalogueVerb {
    /// Take in ZIM archives (of a split one its first part, `.zimaa`), folders of HTML and PDF files, each as an item
    Add(CatalogueAdd),
    List,
    /// Find pages as people at a terminal find them
    Search {
        query: String,
    },
    /// Take an item away, and with it where people were in it
    Remove {
        id: String,
    },
}

#[derive(Args)]
pub struct CatalogueAdd {
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Instead of the title that the source names
    #[arg(long)]
    pub title: Option<String>,
    /// Language of the content (BCP 47), where the source names none or a wrong one
    #[arg(long)]
    pub language: Option<String>,
    /// Trade it teaches (ROME code)
    #[arg(long)]
    pub trade: Option<String>,
    #[arg(long)]
    pub level: Option<String>,
}

#[derive(Subcommand)]
pub enum AuditVerb {
    /// Prove that no record was changed or removed
    Verify {
        /// A checkpoint seen before, which the log must still contain
        #[arg(long, value_name = "FILE")]
        checkpoint: Option<PathBuf>,
    },
    /// Print the records that match, oldest first
    Search(Search),
    /// Write one session's records, each with its proof and its own key, for somebody outside
    Export {
        #[arg(long)]
        session: String,
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

#[derive(Args)]
pub struct Search {
    #[arg(long)]
    person: Option<String>,
    #[arg(long)]
    terminal: Option<String>,
    #[arg(long)]
    session: Option<String>,
    /// From this time on (RFC 3339)
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Before this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    to: Option<Timestamp>,
    /// Host of the address; `*.x` is anything below x
    #[arg(long)]
    host: Option<String>,
    /// allow or refuse
    #[arg(long, value_parser = word::<Effect>)]
    decision: Option<Effect>,
    /// opened, closed, refused, signed-in …
    #[arg(long, value_parser = word::<Kind>)]
    kind: Option<Kind>,
    /// Anywhere in any text
    #[arg(long)]
    text: Option<String>,
    /// At most so many records
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

impl From<Search> for Query {
    fn from(search: Search) -> Query {
        let Search { person, terminal, session, from, to, host, decision, kind, text, limit } = search;
        Query { person, terminal, session, from, to, host, decision, kind, text, limit }
    }
}

/// A word of the journal, as its records spell it.
fn word<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(serde_json::Value::String(text.to_owned())).map_err(|error| error.to_string())
}
