//! A name server of our own, so that a test sees every query and decides every answer.
//!
//! Answers A queries over UDP (RFC 1035) with the address that stands for the name, and nothing to all other types; an
//! unknown name does not exist. It can be made to fail in each of the ways of [`Manner`].

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use anyhow::Result;
use tokio::{net::UdpSocket, task::JoinHandle};

use crate::ANY_PORT;

/// RFC 1035, section 4.2.1.
const MESSAGE_BYTES: usize = 512;
const TYPE_A: [u8; 2] = [0, 1];
const NAME_ERROR: u8 = 3;
const SERVER_FAILURE: u8 = 2;

type Zone = Arc<Mutex<BTreeMap<String, Entry>>>;

/// What a name stands for: addresses, those of another name where it is an alias.
#[derive(Clone)]
struct Entry {
    alias_of: Option<String>,
    addresses: Vec<Ipv4Addr>,
}

/// How a name server answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    #[default]
    Truthful,
    /// Not at all.
    Silent,
    /// With an error of its own (SERVFAIL).
    Failing,
    /// With bytes that are no message.
    Garbage,
    /// For another query than the one it got.
    OtherQuery,
    /// About another name than it was asked for.
    OtherName,
    /// Half a message.
    Cut,
}

pub struct Names {
    address: SocketAddr,
    zone: Zone,
    manner: Arc<Mutex<Manner>>,
    queries: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Names {
    pub async fn start() -> Result<Names> {
        let socket = UdpSocket::bind(ANY_PORT).await?;
        let address = socket.local_addr()?;
        let (zone, queries) = (Zone::default(), Arc::new(Mutex::new(Vec::new())));
        let manner = Arc::new(Mutex::new(Manner::default()));
        let task = tokio::spawn(serve(socket, zone.clone(), manner.clone(), queries.clone()));
        Ok(Names { address, zone, manner, queries, task })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on `name` has exactly these addresses.
    pub fn set(&self, name: &str, addresses: &[Ipv4Addr]) {
        self.insert(name, Entry { alias_of: None, addresses: addresses.to_vec() });
    }

    /// From now on `name` is an alias (CNAME) of `other`, which has exactly these addresses.
    pub fn alias(&self, name: &str, other: &str, addresses: &[Ipv4Addr]) {
        self.insert(name, Entry { alias_of: Some(other.into()), addresses: addresses.to_vec() });
    }

    fn insert(&self, name: &str, entry: Entry) {
        self.zone.lock().expect("no panic while held").insert(name.into(), entry);
    }

    /// How it answers from now on.
    pub fn behave(&self, manner: Manner) {
        *self.manner.lock().expect("no panic while held") = manner;
    }

    /// Every name asked for so far, in order.
    pub fn queries(&self) -> Vec<String> {
        self.queries.lock().expect("no panic while held").clone()
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(socket: UdpSocket, zone: Zone, manner: Arc<Mutex<Manner>>, queries: Arc<Mutex<Vec<String>>>) {
    let mut buffer = [0; MESSAGE_BYTES];
    while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
        let query = &buffer[..length];
        let Some((name, end)) = question(query) else { continue };
        queries.lock().expect("no panic while held").push(name.clone());
        let known = zone.lock().expect("no panic while held").get(&name).cloned();
        // An answer that can't be sent is a query without answer: the resolver asks again.
        let mut answer = answer(query, end, known.as_ref());
        let manner = *manner.lock().expect("no panic while held");
        match manner {
            Manner::Truthful => {}
            Manner::Silent => continue,
            Manner::Failing => answer[3] = 0x80 | SERVER_FAILURE,
            Manner::Garbage => answer.iter_mut().for_each(|byte| *byte = 0x5a),
            Manner::OtherQuery => answer[0] ^= 0xff,
            Manner::OtherName => answer[13] ^= 1,
            Manner::Cut => answer.truncate(answer.len() / 2),
        }
        let _ = socket.send_to(&answer, from).await;
    }
}

/// The name of the one question, lower case, and where the question ends.
fn question(query: &[u8]) -> Option<(String, usize)> {
    let mut at = 12;
    let mut labels = Vec::new();
    loop {
        let length = *query.get(at)? as usize;
        at += 1;
        if length == 0 {
            break;
        }
        labels.push(String::from_utf8_lossy(query.get(at..at + length)?).to_lowercase());
        at += length;
    }
    query.get(at..at + 4)?;
    Some((labels.join("."), at + 4))
}

fn answer(query: &[u8], end: usize, known: Option<&Entry>) -> Vec<u8> {
    let is_a = query[end - 4..end - 2] == TYPE_A;
    let addresses = known.filter(|_| is_a).map_or(&[][..], |entry| &entry.addresses);
    let alias_of = known.and_then(|entry| entry.alias_of.as_deref());
    let code = if known.is_some() { 0 } else { NAME_ERROR };
    let count = addresses.len() as u8 + u8::from(alias_of.is_some());
    let mut message = query[..2].to_vec();
    // A response, recursion desired and available; one question, our answers.
    message.extend([0x81, 0x80 | code, 0, 1, 0, count, 0, 0, 0, 0]);
    message.extend(&query[12..end]);
    // Names are pointers (RFC 1035, section 4.1.4): to the question's, or to the one that it is an alias of.
    let mut owner = 12;
    if let Some(other) = alias_of {
        let labels = other.split('.').flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat());
        let name: Vec<u8> = labels.chain([0]).collect();
        message.extend([0xc0, owner, 0, 5, 0, 1, 0, 0, 0, 0, 0, name.len() as u8]);
        owner = message.len() as u8;
        message.extend(name);
    }
    for address in addresses {
        // Type A, class IN, no time to live: each query comes to us.
        message.extend([0xc0, owner, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
        message.extend(address.octets());
    }
    message
}
