//! Display: language, size and contrast, reachable from every screen, before a sign-in too. What is chosen shows at once; the
//! screen before waits behind.

use iced::widget::{column, row, text};

use super::{Bar, Context, body, card, frame, primary, title};
use crate::comfort::{Comfort, Size};
use crate::text::Language;
use crate::theme::{self, Look, Theme, size};
use crate::widget::Element;
use crate::widget::control::control;

#[derive(Clone, Debug)]
pub enum Message {
    Bar(Bar),
    LanguageChosen(Language),
    ComfortChosen(Comfort),
    Closed,
}

/// The control that has the keyboard first.
pub const FIRST: &str = "display-close";

const THEMES: [(Theme, &str, &str); 3] = [
    (Theme::Normal, "contrast-normal", "display-contrast-normal"),
    (Theme::High, "contrast-high", "display-contrast-high"),
    (Theme::Dark, "contrast-dark", "display-contrast-dark"),
];

pub fn view<'a>(context: &Context<'a>) -> Element<'a, Message> {
    let (words, comfort) = (context.text, context.comfort);
    let languages = Language::ALL.into_iter().map(|language| {
        let name = format!("language-{}", language.code());
        let chosen = language == words.language();
        choice(name, language.own_name().to_owned(), chosen, Message::LanguageChosen(language), context)
    });
    let sizes = Size::ALL.into_iter().map(|size| {
        let (name, label) = (format!("size-{}", size.percent()), format!("{} %", size.percent()));
        choice(
            name,
            label,
            size == comfort.size,
            Message::ComfortChosen(Comfort { size, ..comfort }),
            context,
        )
    });
    let themes = THEMES.into_iter().map(|(theme, name, key)| {
        let message = Message::ComfortChosen(Comfort { theme, ..comfort });
        choice(name.to_owned(), words.get(key), theme == comfort.theme, message, context)
    });
    let line = |choices: Vec<Element<'a, Message>>| row(choices).spacing(12).wrap().vertical_spacing(12);
    let content = column![
        title(words.get("display-title")),
        body(words.get("display-language")),
        line(languages.collect()),
        body(words.get("display-size")),
        line(sizes.collect()),
        body(words.get("display-contrast")),
        line(themes.collect()),
        super::hint(words.get("display-keys")),
        primary(FIRST, words.get("display-done"), Message::Closed),
    ];
    frame(context, Message::Bar, card(content.spacing(14), 780.0))
}

/// One of several; the chosen one is marked by more than its colour.
fn choice<'a>(
    name: String,
    label: String,
    chosen: bool,
    message: Message,
    context: &Context<'a>,
) -> Element<'a, Message> {
    let (look, label) = match chosen {
        true => (Look::Primary, format!("✓ {label}")),
        false => (Look::Secondary, label),
    };
    // A tick has no sound.
    let chosen = chosen.then(|| context.text.get("display-chosen"));
    control(name, look, text(label).size(size::BODY).font(theme::BOLD))
        .said_after(chosen)
        .padding([11, 20])
        .on_press(message)
        .into()
}
