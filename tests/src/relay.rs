//! A relay for a browser that has neither the terminal's certificate nor a session: plain CONNECT here, the terminal's TLS there.
//!
//! What the kiosk's own relay does, in a few lines, so that tests can put any Chromium behind the gateway.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::{ANY_PORT, client::Client};

const HEAD_LIMIT_BYTES: usize = 16 << 10;

/// Serves until dropped.
pub struct Relay {
    pub address: SocketAddr,
    _serving: JoinSet<()>,
}

impl Relay {
    /// In the name of `client`, which has a session.
    pub async fn start(client: Client) -> Result<Relay> {
        let door = TcpListener::bind(ANY_PORT).await?;
        let address = door.local_addr()?;
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((browser, _)) = door.accept().await {
                while connections.try_join_next().is_some() {}
                let client = client.clone();
                // A connection that fails is the browser's to notice.
                connections.spawn(async move { drop(carry(browser, &client).await) });
            }
        });
        Ok(Relay { address, _serving: serving })
    }
}

async fn carry(mut browser: TcpStream, client: &Client) -> Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(browser.read_u8().await?);
        if head.len() > HEAD_LIMIT_BYTES {
            bail!("an endless head");
        }
    }
    let head = String::from_utf8(head)?;
    let (line, _) = head.split_once("\r\n").context("a head has a first line")?;
    let target = line.strip_prefix("CONNECT ").and_then(|line| line.split(' ').next());
    let target = target.with_context(|| format!("not a CONNECT: {line}"))?;
    match client.connect(target).await? {
        Ok(mut tunnel) => {
            browser.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
            copy_bidirectional(&mut browser, &mut tunnel).await?;
        }
        Err(_) => {
            browser
                .write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                .await?;
        }
    }
    Ok(())
}
