//! Icons made of plain rectangles: nothing to load, and sharp at every size. Each is drawn in a square.

use iced::advanced::widget::Tree;
use iced::advanced::{Layout, Renderer as _, Widget, layout, mouse, renderer};
use iced::{Border, Length, Rectangle, Renderer, Size};

use super::Element;
use crate::theme::{Paint, Theme};

#[derive(Clone, Copy, Debug)]
pub enum Icon {
    /// A form with its lines: administrative steps.
    Form,
    /// An open book: learning.
    Book,
    /// A closed padlock.
    Lock,
    /// A sign with a bar: not allowed.
    Stop,
    /// Two machines that do not meet.
    Cut,
    /// A loudspeaker with its waves: read aloud.
    Speaker,
    /// A square: no longer.
    Silence,
    /// A magnifying glass.
    Search,
    /// A bookmark: where one was.
    Continue,
    /// A clock: an answer is awaited.
    Clock,
    /// A tick: yes.
    Tick,
}

/// An icon in a square of that many pixels.
pub fn icon<'a, Message: 'a>(icon: Icon, side: f32, ink: Paint, paper: Paint) -> Element<'a, Message> {
    Element::new(Drawn { icon, side, ink, paper })
}

struct Drawn {
    icon: Icon,
    side: f32,
    ink: Paint,
    paper: Paint,
}

impl Drawn {
    /// Rectangles in hundredths of the side: x, y, width, height, radius, and whether in ink.
    fn shapes(&self) -> &'static [(f32, f32, f32, f32, f32, bool)] {
        match self.icon {
            Icon::Form => &[
                (16., 4., 68., 92., 8., true),
                (22., 10., 56., 80., 4., false),
                (30., 22., 8., 8., 2., true),
                (44., 24., 26., 5., 2., true),
                (30., 42., 8., 8., 2., true),
                (44., 44., 26., 5., 2., true),
                (30., 62., 8., 8., 2., true),
                (44., 64., 18., 5., 2., true),
            ],
            Icon::Book => &[
                (4., 16., 92., 70., 8., true),
                (10., 22., 37., 58., 4., false),
                (53., 22., 37., 58., 4., false),
                (17., 34., 23., 5., 2., true),
                (17., 46., 23., 5., 2., true),
                (17., 58., 15., 5., 2., true),
                (60., 34., 23., 5., 2., true),
                (60., 46., 23., 5., 2., true),
                (60., 58., 15., 5., 2., true),
            ],
            Icon::Lock => &[
                (28., 8., 44., 60., 22., true),
                (38., 18., 24., 50., 12., false),
                (18., 42., 64., 50., 8., true),
                (45., 58., 10., 18., 5., false),
            ],
            Icon::Stop => &[(4., 4., 92., 92., 46., true), (24., 43., 52., 14., 4., false)],
            Icon::Speaker => &[
                (2., 34., 18., 32., 4., true),
                (16., 20., 22., 60., 6., true),
                (48., 32., 10., 36., 5., true),
                (66., 22., 10., 56., 5., true),
                (84., 10., 10., 80., 5., true),
            ],
            Icon::Silence => &[(14., 14., 72., 72., 10., true)],
            Icon::Cut => &[
                (4., 30., 32., 40., 6., true),
                (10., 36., 20., 28., 3., false),
                (64., 30., 32., 40., 6., true),
                (70., 36., 20., 28., 3., false),
                (40., 47., 5., 6., 2., true),
                (55., 47., 5., 6., 2., true),
            ],
            Icon::Search => &[
                (8., 8., 60., 60., 30., true),
                (18., 18., 40., 40., 20., false),
                (56., 56., 16., 16., 8., true),
                (62., 62., 16., 16., 8., true),
                (68., 68., 16., 16., 8., true),
                (74., 74., 16., 16., 8., true),
            ],
            Icon::Continue => &[
                (22., 4., 56., 92., 6., true),
                (30., 12., 40., 76., 2., false),
                (38., 12., 24., 50., 2., true),
                (44., 54., 12., 14., 2., false),
            ],
            Icon::Clock => &[
                (4., 4., 92., 92., 46., true),
                (14., 14., 72., 72., 36., false),
                (46., 24., 8., 30., 4., true),
                (46., 46., 26., 8., 4., true),
            ],
            Icon::Tick => &[
                (4., 4., 92., 92., 46., true),
                (24., 48., 11., 11., 5.5, false),
                (29., 53., 11., 11., 5.5, false),
                (34., 58., 11., 11., 5.5, false),
                (39., 63., 11., 11., 5.5, false),
                (44., 58., 11., 11., 5.5, false),
                (49., 53., 11., 11., 5.5, false),
                (54., 48., 11., 11., 5.5, false),
                (59., 43., 11., 11., 5.5, false),
                (64., 38., 11., 11., 5.5, false),
                (69., 33., 11., 11., 5.5, false),
            ],
        }
    }
}

impl<Message> Widget<Message, Theme, Renderer> for Drawn {
    fn size(&self) -> Size<Length> {
        Size::new(Length::Fixed(self.side), Length::Fixed(self.side))
    }

    fn layout(&mut self, _tree: &mut Tree, _renderer: &Renderer, _limits: &layout::Limits) -> layout::Node {
        layout::Node::new(Size::new(self.side, self.side))
    }

    fn draw(
        &self,
        _tree: &Tree,
        renderer: &mut Renderer,
        theme: &Theme,
        _style: &renderer::Style,
        layout: Layout<'_>,
        _cursor: mouse::Cursor,
        _viewport: &Rectangle,
    ) {
        let (place, unit) = (layout.bounds(), self.side / 100.0);
        for &(x, y, width, height, radius, inked) in self.shapes() {
            let bounds = Rectangle {
                x: place.x + x * unit,
                y: place.y + y * unit,
                width: width * unit,
                height: height * unit,
            };
            let border = Border { radius: (radius * unit).into(), ..Border::default() };
            let colour = if inked { self.ink } else { self.paper }.of(theme);
            renderer.fill_quad(renderer::Quad { bounds, border, ..Default::default() }, colour);
        }
    }
}
