//! What Chromium says of its targets and in answer to what we asked: pages come, answer, crash and go.

use serde_json::{Value, json};

use super::super::protocol::Incoming;
use super::super::{Event, NotYet};
use super::{BLANK, Owner, PageCrashed, Pending};

impl Owner<'_> {
    pub(in super::super) async fn hear(&mut self, incoming: Incoming) -> Result<(), PageCrashed> {
        let (session, method, params) = match incoming {
            Incoming::Event { session, method, params } => (session.unwrap_or_default(), method, params),
            Incoming::Answer { id, result } => {
                self.answer(id, result).await;
                return Ok(());
            }
        };
        match method.as_str() {
            "Target.attachedToTarget" => self.attached(&params),
            "Target.detachedFromTarget" => self.detached(&params).await?,
            "Inspector.targetCrashed" => self.crashed(&session).await?,
            "Target.targetCrashed" => {
                let crashed = self.pages.iter().find(|page| params["targetId"] == page.target.as_str());
                if let Some(session) = crashed.map(|page| page.session.clone()) {
                    self.crashed(&session).await?;
                }
            }
            "Browser.downloadWillBegin" => self.download(&params).await,
            _ => self.page_event(&session, &method, params).await,
        }
        Ok(())
    }

    async fn answer(&mut self, id: u64, result: Result<Value, String>) {
        if let Err(error) = &result {
            tracing::debug!(id, error, "Chromium refused a call");
        }
        let Some((session, pending)) = self.pending.remove(&id) else { return };
        match (pending, result) {
            (Pending::Dressed, _) => self.dressed(&session).await,
            (Pending::History { wished }, Ok(history)) => self.step_back(&session, &history, wished).await,
            (Pending::Title, Ok(answer)) => {
                self.titled(&session, answer["result"]["value"].as_str().unwrap_or_default()).await;
            }
            (Pending::Painted, Ok(_)) => {
                self.focus(&session, Pending::Focused);
                self.loading(&session, false).await;
            }
            // A page that could not say so has gone, and the next one will.
            (Pending::History { .. } | Pending::Title | Pending::Painted, Err(_)) | (Pending::Focused, _) => {
            }
        }
    }

    /// The first page has answered: it may go where it was started for.
    async fn dressed(&mut self, session: &str) {
        if let Some(url) = self.first.take() {
            self.tell(Event::Started).await;
            self.call(Some(session), "Page.navigate", json!({"url": url}));
        }
    }

    async fn step_back(&mut self, session: &str, history: &Value, wished: bool) {
        // It is back already.
        if !wished && !self.page(session).is_some_and(|page| page.drawn_by_chromium) {
            return;
        }
        let current = history["currentIndex"].as_u64().unwrap_or(0) as usize;
        // Before the first page of a site there is the blank one.
        let before = history["entries"].get(current.wrapping_sub(1)).filter(|entry| entry["url"] != BLANK);
        match before {
            Some(entry) => {
                let params = json!({"entryId": entry["id"]});
                self.call(Some(session), "Page.navigateToHistoryEntry", params);
            }
            None if self.is_window(session) => self.close_window(session).await,
            None if wished => self.tell(Event::NoWayBack).await,
            None => drop(self.call(Some(session), "Page.navigate", json!({"url": BLANK}))),
        }
    }

    pub(super) fn is_window(&self, session: &str) -> bool {
        self.pages.iter().skip(1).any(|page| page.session == session)
    }

    pub(super) async fn close_window(&mut self, session: &str) {
        let shown = self.is_shown(session);
        self.close(session);
        if shown {
            self.return_to_page_below().await;
        }
    }

    /// A window that was opened for a document it does not get has nothing else to show.
    pub(super) async fn close_if_blank(&mut self, session: &str) {
        let blank = self.page(session).is_some_and(|page| page.is_blank());
        if blank && self.is_window(session) {
            self.close_window(session).await;
        }
    }

    /// A page closed itself; without its first one a browser is of no use.
    async fn detached(&mut self, params: &Value) -> Result<(), PageCrashed> {
        let session = params["sessionId"].as_str().unwrap_or_default();
        let shown = self.is_shown(session);
        match self.pages.iter().position(|page| page.session == session) {
            None => return Ok(()),
            Some(0) => return Err(PageCrashed),
            Some(_) => drop(self.forget(session)),
        }
        if shown {
            self.return_to_page_below().await;
        }
        Ok(())
    }

    /// After a window's crash the page below is shown; the first page's crash is the browser's.
    async fn crashed(&mut self, session: &str) -> Result<(), PageCrashed> {
        if self.is_window(session) {
            tracing::warn!("a window's process died");
            self.close_window(session).await;
        } else if self.page(session).is_some() {
            return Err(PageCrashed);
        }
        Ok(())
    }

    async fn download(&mut self, params: &Value) {
        let page = self.pages.iter().find(|page| params["frameId"] == page.target.as_str());
        if let Some(session) = page.map(|page| page.session.clone()) {
            self.close_if_blank(&session).await;
        }
        self.tell(Event::NotYet(NotYet::Download)).await;
    }
}
