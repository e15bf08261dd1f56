//! Block lists: hosts files, and category folders of the University of Toulouse (the form of squidGuard).

use std::net::IpAddr;
use std::path::Path;

use super::ImportError;
use super::draft::{Draft, Place, pattern};

/// `0.0.0.0 host…`: each host itself, nothing below it.
pub fn read_hosts(path: &Path, draft: &mut Draft<'_>) -> Result<(), ImportError> {
    let reason = format!("Liste {}", name_of(path));
    draft.each_line(path, |draft, place, line| {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        let first = words.next().unwrap_or_default();
        match first.parse::<IpAddr>() {
            Ok(address) if address.is_unspecified() || address.is_loopback() => {
                words.try_for_each(|host| refuse(draft, &reason, place, host, &[false]))
            }
            Ok(_) => draft.leave_out(place, line, "it gives a host an address and blocks nothing"),
            Err(_) => draft.leave_out(place, line, "no address in front"),
        }
    })
}

/// `domains`: each domain and all below it. `urls`: addresses below a host, which a `[[refuse]]` can't say.
pub fn read_ut1(path: &Path, draft: &mut Draft<'_>) -> Result<(), ImportError> {
    let (domains, urls) = (path.join("domains"), path.join("urls"));
    if !domains.is_file() && !urls.is_file() {
        return Err(ImportError::NoCategory(path.to_owned()));
    }
    let reason = format!("Catégorie {}", name_of(path));
    if domains.is_file() {
        draft.each_line(&domains, |draft, place, domain| {
            refuse(draft, &reason, place, domain, &[false, true])
        })?;
    }
    if urls.is_file() {
        draft.each_line(&urls, |draft, place, url| match url.trim_end_matches('/') {
            host if !host.contains('/') => refuse(draft, &reason, place, host, &[false, true]),
            _ => draft.leave_out(place, url, "a [[refuse]] names hosts, not paths"),
        })?;
    }
    Ok(())
}

/// Itself and, where `below` says so, what is below it.
fn refuse(
    draft: &mut Draft<'_>,
    reason: &str,
    place: Place<'_>,
    host: &str,
    below: &[bool],
) -> Result<(), ImportError> {
    let patterns = below.iter().map(|is_below| pattern(host, *is_below)).collect::<Result<Vec<_>, _>>();
    match patterns {
        Ok(patterns) => draft.refuse(reason, place, &patterns),
        Err(why) => draft.leave_out(place, host, why),
    }
}

fn name_of(path: &Path) -> String {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
