//! Chromium's managed policies, bound into the cage; pure. The second fence after the namespace.
//!
//! Which site is allowed is the gateway's decision alone: what Chromium blocks by itself leaves no record and no way to ask,
//! so the URL lists here only keep Chromium's own pages out of reach.

use serde_json::{Value, json};

/// The policy file, with the issuer of inspected leaves and the server's issuer as DER in base64.
pub fn managed(trusted_issuers: &[String]) -> Value {
    json!({
        "CACertificates": trusted_issuers,
        "ProxySettings": {"ProxyMode": "fixed_servers", "ProxyServer": "127.0.0.1:3128", "ProxyBypassList": "<-loopback>"},
        "QuicAllowed": false,
        "WebRtcIPHandling": "disable_non_proxied_udp",
        "NetworkPredictionOptions": 2,
        "DnsOverHttpsMode": "off",
        "BuiltInDnsClientEnabled": false,
        "NetworkServiceSandboxEnabled": true,
        // Without this every ClientHello carries a GREASE ECH extension, which tunnel mode refuses.
        "EncryptedClientHelloEnabled": false,
        // "*" alone leaves chrome:// reachable by the protocol.
        "URLBlocklist": ["*", "chrome://*", "devtools://*", "file://*", "view-source:*"],
        "URLAllowlist": [
            "http://*", "https://*", "about:blank", "blob:*", "data:*",
            "chrome-extension://mhjfbmdgcfjbbpaeojofohoefgiehjai"
        ],
        "ExtensionInstallBlocklist": ["*"],
        "SyncDisabled": true,
        "BrowserSignin": 0,
        "PasswordManagerEnabled": false,
        // Asks Google of every password typed, the manager being off or not.
        "PasswordLeakDetectionEnabled": false,
        "AutofillAddressEnabled": false,
        "AutofillCreditCardEnabled": false,
        "TranslateEnabled": false,
        "PrintingEnabled": false,
        "DownloadRestrictions": 3,
        "MetricsReportingEnabled": false,
        "SafeBrowsingProtectionLevel": 0,
        "SearchSuggestEnabled": false,
        // Keeps a connection to its search engine ready otherwise: a refusal on record that nobody asked for.
        "DefaultSearchProviderEnabled": false,
        "SpellCheckServiceEnabled": false,
        "AlternateErrorPagesEnabled": false,
        "BackgroundModeEnabled": false,
        "ComponentUpdatesEnabled": false,
        "BrowserNetworkTimeQueriesEnabled": false,
        "DefaultGeolocationSetting": 2,
        "DefaultNotificationsSetting": 2,
        "DefaultWebBluetoothGuardSetting": 2,
        "DefaultWebUsbGuardSetting": 2,
        "DefaultSerialGuardSetting": 2,
        "DefaultWebHidGuardSetting": 2,
        "DefaultSensorsSetting": 2,
        "DefaultFileSystemReadGuardSetting": 2,
        "DefaultFileSystemWriteGuardSetting": 2,
        "DefaultLocalFontsSetting": 2,
        "DefaultWindowManagementSetting": 2,
        "DefaultClipboardSetting": 2,
        "AudioCaptureAllowed": false,
        "VideoCaptureAllowed": false,
        "ScreenCaptureAllowed": false,
        // 2 would break the protocol itself; the tools' own pages are blocked above.
        "DeveloperToolsAvailability": 1,
    })
}
