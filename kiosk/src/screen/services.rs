//! Administrative services: what may be opened now, the minutes left of each, and in words why not the others.

use iced::widget::{Space, column, row, text};
use iced::{Alignment, Length};
use passerelle_api as api;

use super::home::Door;
use super::{Bar, Context, body, hint, listing, quiet, title};
use crate::theme::{self, Look, size};
use crate::widget::Element;
use crate::widget::control::control;

#[derive(Clone, Debug)]
pub enum Message {
    Bar(Bar),
    Returned,
    /// By its id.
    Chosen(String),
}

/// The first service that can be opened, once they are known.
pub fn first_focus(list: Option<&api::ServiceList>) -> String {
    let first = list.and_then(|list| here(list).find(|service| can_open(service)));
    first.map_or_else(|| "back".into(), control_name)
}

fn here(list: &api::ServiceList) -> impl Iterator<Item = &api::Service> {
    list.services.iter().filter(|service| service.category == Door::Administrative.category())
}

/// A name in the events that another service cannot have.
fn control_name(service: &api::Service) -> String {
    format!("service-{}", service.id)
}

pub fn view<'a>(list: Option<&'a api::ServiceList>, context: &Context<'a>) -> Element<'a, Message> {
    let words = context.text;
    let back = quiet("back", words.get("back"), Message::Returned);
    let top = row![back, title(words.get("services-administrative"))].spacing(24).align_y(Alignment::Center);
    let content: Element<'a, Message> = match list {
        None => super::sign_in::waiting(context),
        Some(list) => {
            let (open, closed): (Vec<_>, Vec<_>) = here(list).partition(|service| can_open(service));
            let mut cards = column![].spacing(14);
            cards = cards.push(if open.is_empty() {
                body(words.get("services-none"))
            } else {
                hint(words.get("services-help"))
            });
            for service in open {
                cards = cards.push(open_card(service, context));
            }
            if !closed.is_empty() {
                cards = cards.push(Space::new().height(10));
                cards = cards.push(text(words.get("services-closed")).size(size::LARGE).font(theme::BOLD));
            }
            for service in closed {
                cards = cards.push(closed_card(service, context));
            }
            cards.into()
        }
    };
    listing(context, Message::Bar, top, content)
}

/// Allowed now, and with something to open.
pub fn can_open(service: &api::Service) -> bool {
    service.unavailable.is_none() && service.start.is_some()
}

pub fn open_card<'a>(service: &'a api::Service, context: &Context<'a>) -> Element<'a, Message> {
    let words = context.text;
    let minutes = match service.minutes_left {
        Some(minutes) => words.with("minutes-left", &[("time", words.minutes(minutes.into()).into())]),
        None => words.get("services-no-limit"),
    };
    let name = text(words.name(&service.name)).size(size::LARGE).font(theme::BOLD);
    let left = text(minutes).size(size::BODY).style(theme::ink(theme::SOFT_INK));
    let go = text(format!("{}  ›", words.get("services-open")))
        .size(size::LARGE)
        .font(theme::BOLD)
        .style(theme::ink(theme::TEAL_DEEP));
    let line = row![column![name, left].spacing(4).width(Length::Fill), go].align_y(Alignment::Center);
    control(control_name(service), Look::Card, line)
        .width(Length::Fill)
        .padding([18, 26])
        .on_press(Message::Chosen(service.id.clone()))
        .into()
}

pub fn closed_card<'a>(service: &'a api::Service, context: &Context<'a>) -> Element<'a, Message> {
    let words = context.text;
    let why = why_not(service.unavailable.as_ref(), context);
    let name = text(words.name(&service.name)).size(size::LARGE).font(theme::BOLD);
    control(control_name(service), Look::Card, column![name, text(why).size(size::BODY)].spacing(4))
        .width(Length::Fill)
        .padding([18, 26])
        .into()
}

/// Why a service can't be opened now, and when it can.
pub fn why_not(unavailable: Option<&api::Unavailable>, context: &Context<'_>) -> String {
    let words = context.text;
    let why = words.reason(unavailable.map_or("other", |why| why.code.as_str()));
    match unavailable.and_then(|why| why.opens_at) {
        Some(at) => format!("{why} {}", words.with("services-opens", &[("when", words.moment(at).into())])),
        None => why,
    }
}
