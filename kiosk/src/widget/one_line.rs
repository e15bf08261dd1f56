//! A line of words that is cut with an ellipsis where there is no room for all of it: titles of pages can have any length.

use iced::advanced::text::paragraph::{Paragraph as _, Plain};
use iced::advanced::text::{self, Alignment, LineHeight, Shaping, Text, Wrapping};
use iced::advanced::widget::{Tree, tree};
use iced::advanced::{Layout, Widget, layout, mouse, renderer};
use iced::{Font, Length, Pixels, Rectangle, Renderer, Size, alignment};

use super::Element;
use crate::theme::Theme;

type Paragraph = <Renderer as text::Renderer>::Paragraph;

/// A line in all the width there is.
pub fn one_line<'a, Message: 'a>(words: String, size: f32, font: Font) -> Element<'a, Message> {
    Element::new(OneLine { words, size, font })
}

struct OneLine {
    words: String,
    size: f32,
    font: Font,
}

impl OneLine {
    fn text<'a>(&self, content: &'a str) -> Text<&'a str> {
        Text {
            content,
            bounds: Size::INFINITE,
            size: Pixels(self.size),
            line_height: LineHeight::default(),
            font: self.font,
            align_x: Alignment::Default,
            align_y: alignment::Vertical::Top,
            shaping: Shaping::default(),
            wrapping: Wrapping::None,
        }
    }

    /// The longest beginning that fits in `width` pixels with its ellipsis; the words themselves where they fit.
    fn shortened(&self, width: f32) -> String {
        let fits = |words: &str| Paragraph::with_text(self.text(words)).min_width() <= width;
        if fits(&self.words) {
            return self.words.clone();
        }
        let characters: Vec<char> = self.words.chars().collect();
        let cut = |count: usize| {
            let beginning: String = characters[..count].iter().collect();
            format!("{}…", beginning.trim_end())
        };
        // Widths grow with the count: halving finds the last that fits, in about ten paragraphs.
        let (mut fitting, mut beyond) = (0, characters.len());
        while beyond - fitting > 1 {
            let middle = fitting + (beyond - fitting) / 2;
            if fits(&cut(middle)) { fitting = middle } else { beyond = middle }
        }
        cut(fitting)
    }
}

/// What was laid out last, so that the same words in the same room are measured once.
#[derive(Default)]
struct State {
    of: (String, f32),
    paragraph: Plain<Paragraph>,
}

impl<Message> Widget<Message, Theme, Renderer> for OneLine {
    fn tag(&self) -> tree::Tag {
        tree::Tag::of::<State>()
    }

    fn state(&self) -> tree::State {
        tree::State::new(State::default())
    }

    fn size(&self) -> Size<Length> {
        Size::new(Length::Fill, Length::Shrink)
    }

    fn layout(&mut self, tree: &mut Tree, _renderer: &Renderer, limits: &layout::Limits) -> layout::Node {
        let state = tree.state.downcast_mut::<State>();
        let width = limits.max().width;
        if state.of != (self.words.clone(), width) {
            let words = self.shortened(width);
            state.paragraph.update(self.text(&words));
            state.of = (self.words.clone(), width);
        }
        layout::sized(limits, Length::Fill, Length::Shrink, |_| state.paragraph.min_bounds())
    }

    fn operate(
        &mut self,
        _tree: &mut Tree,
        layout: Layout<'_>,
        _renderer: &Renderer,
        operation: &mut dyn iced::advanced::widget::Operation,
    ) {
        operation.text(None, layout.bounds(), &self.words);
    }

    fn draw(
        &self,
        tree: &Tree,
        renderer: &mut Renderer,
        _theme: &Theme,
        style: &renderer::Style,
        layout: Layout<'_>,
        _cursor: mouse::Cursor,
        viewport: &Rectangle,
    ) {
        let state = tree.state.downcast_ref::<State>();
        let style_of_text = iced::widget::text::Style::default();
        iced::advanced::widget::text::draw(
            renderer,
            style,
            layout.bounds(),
            state.paragraph.raw(),
            style_of_text,
            viewport,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_only_where_they_do_not_fit() {
        let line = |words: &str| OneLine { words: words.into(), size: 20.0, font: Font::DEFAULT };
        let title = "Demander une aide au logement, étape 2 sur 5";
        assert_eq!(line(title).shortened(2000.0), title);
        let cut = line(title).shortened(200.0);
        assert!(cut.ends_with('…') && title.starts_with(cut.trim_end_matches('…')), "{cut}");
        assert!(Paragraph::with_text(line("").text(&cut)).min_width() <= 200.0);
        assert_eq!(line(title).shortened(1.0), "…");
        assert_eq!(line("").shortened(1.0), "");
    }
}
