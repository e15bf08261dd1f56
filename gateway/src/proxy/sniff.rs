//! What bytes are, whatever their label says. Pure; called by `answer` on the beginning of every body.
//!
//! A table of the kinds that a terminal must not get under the name of a page: programs, archives, documents. What pages are made
//! of is text or begins otherwise. It holds against files that are labelled wrongly, not against a site that means to hide them:
//! that one could write them as text.

/// Bytes of a body that [`Kind::of`] wants to see.
pub const SNIFFED_BYTES: usize = 16;

/// What a terminal gets only where a rule names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Pdf,
    /// ZIP and all that is made of it: office files, EPUB, packages of programs.
    Zip,
    /// Compound files: old office files, installers.
    Compound,
    Archive(&'static [&'static str]),
    /// Programs, and links to them.
    Program,
}

const GZIP: Kind = Kind::Archive(&["application/gzip", "application/x-gzip"]);
const RAR: Kind = Kind::Archive(&["application/vnd.rar", "application/x-rar-compressed"]);
const SEVEN: Kind = Kind::Archive(&["application/x-7z-compressed"]);
const BZIP2: Kind = Kind::Archive(&["application/x-bzip2", "application/x-bzip"]);
const XZ: Kind = Kind::Archive(&["application/x-xz"]);
const ZSTD: Kind = Kind::Archive(&["application/zstd"]);
const CABINET: Kind = Kind::Archive(&["application/vnd.ms-cab-compressed"]);
const DEBIAN: Kind =
    Kind::Archive(&["application/vnd.debian.binary-package", "application/x-debian-package"]);
const RPM: Kind = Kind::Archive(&["application/x-rpm"]);

const MAGIC: [(&[u8], Kind); 27] = [
    (b"PK\x03\x04", Kind::Zip),
    (b"PK\x05\x06", Kind::Zip),
    (b"PK\x07\x08", Kind::Zip),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Kind::Compound),
    (b"\x1f\x8b\x08", GZIP),
    (b"Rar!\x1a\x07", RAR),
    (b"7z\xbc\xaf\x27\x1c", SEVEN),
    (b"BZh11AY&SY", BZIP2),
    (b"BZh91AY&SY", BZIP2),
    (b"\xfd7zXZ\0", XZ),
    (b"\x28\xb5\x2f\xfd", ZSTD),
    (b"MSCF\0\0\0\0", CABINET),
    (b"!<arch>\n", DEBIAN),
    (b"\xed\xab\xee\xdb", RPM),
    (b"\x7fELF", Kind::Program),
    (b"\xfe\xed\xfa\xce", Kind::Program),
    (b"\xfe\xed\xfa\xcf", Kind::Program),
    (b"\xce\xfa\xed\xfe", Kind::Program),
    (b"\xcf\xfa\xed\xfe", Kind::Program),
    (b"\xca\xfe\xba\xbe", Kind::Program),
    (b"dex\n0", Kind::Program),
    (b"Cr24", Kind::Program),
    (b"L\0\0\0\x01\x14\x02\0", Kind::Program),
    (b"ITSF\x03\0\0\0", Kind::Program),
    (b"#!/", Kind::Program),
    (b"MZ\x90\0", Kind::Program),
    (b"xar!", Kind::Program),
];

impl Kind {
    /// The kind of a body that begins so; none for what pages are made of.
    pub fn of(beginning: &[u8]) -> Option<Kind> {
        if let Some((_, kind)) = MAGIC.iter().find(|(magic, _)| beginning.starts_with(magic)) {
            return Some(*kind);
        }
        // Readers of PDF skip what stands before it.
        if beginning.trim_ascii_start().starts_with(b"%PDF-") {
            return Some(Kind::Pdf);
        }
        // Two letters begin a text too; a program goes on with small numbers.
        let is_text = |byte: &u8| *byte >= b' ' || byte.is_ascii_whitespace();
        let rest = beginning.strip_prefix(b"MZ").or(beginning.strip_prefix(b"ZM"))?;
        (!rest.iter().all(is_text)).then_some(Kind::Program)
    }

    /// Whether a rule that names `media_type` means this kind. Who names `application/octet-stream` means anything.
    pub fn is_named(self, media_type: &str) -> bool {
        let office = |prefix: &str| media_type.starts_with(prefix);
        media_type == "application/octet-stream"
            || match self {
                Kind::Pdf => matches!(media_type, "application/pdf" | "application/x-pdf"),
                Kind::Zip => {
                    matches!(
                        media_type,
                        "application/zip" | "application/x-zip-compressed" | "application/java-archive"
                    ) || media_type.ends_with("+zip")
                        || office("application/vnd.openxmlformats-")
                        || office("application/vnd.oasis.opendocument.")
                        || office("application/vnd.ms-")
                }
                Kind::Compound => office("application/msword") || office("application/vnd.ms-"),
                Kind::Archive(names) => names.contains(&media_type),
                Kind::Program => matches!(
                    media_type,
                    "application/x-msdownload"
                        | "application/vnd.microsoft.portable-executable"
                        | "application/x-executable"
                        | "application/x-sh"
                ),
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_known_by_their_beginning() {
        for (beginning, expected) in [
            (&b"<!doctype html>"[..], None),
            (b"", None),
            (b"MZ", None),
            (b"MZ est un sigle.", None),
            (b"PKI : la cl\xc3\xa9", None),
            (b"\x89PNG\r\n\x1a\n", None),
            (b"\xff\xd8\xff\xe0", None),
            (b"GIF89a", None),
            (b"wOF2\0\x01\0\0", None),
            (b"\0asm\x01\0\0\0", None),
            (b"\0\0\0\x18ftypmp42", None),
            (b"\x1aE\xdf\xa3", None),
            (b"MZ\x90\0\x03\0\0\0", Some(Kind::Program)),
            (b"MZ\x01\x02text", Some(Kind::Program)),
            (b"\x7fELF\x02\x01\x01", Some(Kind::Program)),
            (b"#!/bin/sh\n", Some(Kind::Program)),
            (b"%PDF-1.7\n", Some(Kind::Pdf)),
            (b"\r\n %PDF-1.4", Some(Kind::Pdf)),
            (b"PK\x03\x04\x14\0", Some(Kind::Zip)),
            (b"\x1f\x8b\x08\0", Some(GZIP)),
        ] {
            assert_eq!(Kind::of(beginning), expected, "{}", beginning.escape_ascii());
        }
    }

    #[test]
    fn a_rule_names_kinds_by_their_media_types() {
        for (kind, media_type, expected) in [
            (Kind::Pdf, "application/pdf", true),
            (Kind::Pdf, "application/zip", false),
            (Kind::Zip, "application/epub+zip", true),
            (Kind::Zip, "application/vnd.oasis.opendocument.text", true),
            (Kind::Compound, "application/msword", true),
            (Kind::Program, "application/pdf", false),
            (Kind::Program, "application/octet-stream", true),
            (RAR, "application/vnd.rar", true),
        ] {
            assert_eq!(kind.is_named(media_type), expected, "{kind:?} {media_type}");
        }
    }
}
