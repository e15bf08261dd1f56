//! Whoever sits at the desk of the tests: a browser of one role, in English, and what its pages must show.
#![allow(clippy::unwrap_used)]

use http::StatusCode;

use super::tests::{ATTACK, Badge, Desk, PASSWORD, Reply};
use crate::staff::Role;

/// Somebody signed in; their login is the word of their role.
pub struct Browser<'d> {
    desk: &'d Desk,
    badge: Badge,
    pub password: String,
}

impl<'d> Browser<'d> {
    pub fn of(desk: &'d Desk, role: Role) -> Browser<'d> {
        let mut badge = desk.badge(role);
        badge.cookie.push_str("; __Host-language=en");
        let password = match role {
            Role::Administrator => desk.one_time_password.clone(),
            _ => PASSWORD.to_owned(),
        };
        Browser { desk, badge, password }
    }

    pub async fn get(&self, path: &str) -> Page {
        Page::read(self.desk.get(path, &self.badge).await)
    }

    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        Page::read(self.desk.post(path, &self.badge, fields).await)
    }

    pub async fn upload(&self, fields: &[(&str, &str)], files: &[(&str, &[u8])]) -> Page {
        let form = self.desk.form_with_files(&self.badge, fields, files);
        let length = form.len().to_string();
        Page::read(self.desk.raw_upload("/add-item", &self.badge, &length, form).await)
    }

    /// The same with the password once more.
    pub async fn confirm(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let fields = [fields, &[("password", self.password.as_str())]].concat();
        self.post(path, &fields).await
    }
}

pub struct Page(pub Reply);

impl Page {
    fn read(reply: Reply) -> Page {
        assert!(!reply.body.contains(ATTACK), "what was typed came back as markup: {}", reply.body);
        Page(reply)
    }

    #[track_caller]
    pub fn shows(&self, words: &str) -> &Page {
        assert!(self.0.body.contains(words), "`{words}` in {} {}", self.0.status, self.0.body);
        self
    }

    #[track_caller]
    pub fn lacks(&self, words: &str) -> &Page {
        assert!(!self.0.body.contains(words), "no `{words}` in {}", self.0.body);
        self
    }

    /// A page as it should be.
    #[track_caller]
    pub fn done(&self) -> &Page {
        assert_eq!(self.0.status, StatusCode::OK, "{}", self.0.body);
        self
    }

    /// A change was made, and the browser is sent on.
    #[track_caller]
    pub fn goes_to(&self, path: &str) -> &Page {
        let reply = &self.0;
        assert_eq!((reply.status, reply.location()), (StatusCode::SEE_OTHER, path), "{}", reply.body);
        self
    }

    /// The form again, with what was wrong.
    #[track_caller]
    pub fn wrong(&self, words: &str) -> &Page {
        assert_eq!(self.0.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", self.0.body);
        self.shows("role=\"alert\"").shows(words)
    }

    /// What stands between `before` and the next `<`.
    #[track_caller]
    pub fn after(&self, before: &str) -> &str {
        let start = self.0.body.find(before).unwrap() + before.len();
        self.0.body[start..].split('<').next().unwrap()
    }
}
