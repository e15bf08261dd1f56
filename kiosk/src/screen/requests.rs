//! My access requests, and what was answered.

use iced::widget::{column, container, row, scrollable, text};
use iced::{Alignment, Length};
use passerelle_api as api;

use super::{Bar, Context, body, frame, hint, quiet, title};
use crate::theme::{self, size};
use crate::widget::{Element, focus};

#[derive(Default)]
pub struct State {
    /// `None` until the gateway answered.
    pub list: Option<api::RequestList>,
    pub waiting: Option<u64>,
}

#[derive(Clone, Debug)]
pub enum Message {
    Bar(Bar),
    Returned,
}

pub fn view<'a>(state: &'a State, context: &Context<'a>) -> Element<'a, Message> {
    let words = context.text;
    let top = row![quiet("back", words.get("back"), Message::Returned), title(words.get("my-requests"))];
    let content: Element<'a, Message> = match &state.list {
        None => super::sign_in::waiting(context),
        Some(list) if list.requests.is_empty() => body(words.get("requests-none")),
        Some(list) => {
            let cards = list.requests.iter().map(|request| entry(request, context));
            scrollable(column(cards).spacing(14).padding([8, 10]))
                .id(focus::SCROLLED)
                .spacing(6)
                .style(theme::scroller)
                .height(Length::Fill)
                .into()
        }
    };
    let content = column![top.spacing(24).align_y(Alignment::Center), content].spacing(20).max_width(1100);
    frame(context, Message::Bar, container(content).center_x(Length::Fill).padding([28, 40]))
}

fn entry<'a>(request: &'a api::AccessRequest, context: &Context<'a>) -> Element<'a, Message> {
    let words = context.text;
    let state = match request.state.as_str() {
        "granted" => words.get("request-granted"),
        "declined" => words.get("request-declined"),
        _ => words.get("request-open"),
    };
    let asked = words.with("request-asked", &[("when", words.moment(request.asked_at).into())]);
    let mut lines = column![
        text(&request.url).size(size::LARGE).font(theme::BOLD).wrapping(text::Wrapping::Glyph),
        row![text(state).size(size::BODY).font(theme::BOLD).color(theme::TEAL_DEEP), hint(asked)]
            .spacing(18)
            .align_y(Alignment::Center),
    ];
    if !request.reason.is_empty() {
        lines = lines.push(text(&request.reason).size(size::BODY));
    }
    if let Some(answer) = &request.answer {
        lines = lines.push(text(answer).size(size::BODY));
    }
    container(lines.spacing(6)).padding([18, 26]).width(Length::Fill).style(theme::card).into()
}
