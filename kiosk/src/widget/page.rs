//! The page: draws Chromium's newest frame and gives it the keyboard and the pointer. Used by the browse screen.
//!
//! Input goes straight to the browser's handle, without a message: the application need not redraw itself for a pointer
//! that moves. Invariant: only what [`input`] translates leaves this widget.

use iced::advanced::image::{FilterMethod, Image, Renderer as _};
use iced::advanced::input_method;
use iced::advanced::widget::{Id, Operation, Tree, operation, tree};
use iced::advanced::{Clipboard, Layout, Renderer as _, Shell, Widget, layout, mouse, renderer};
use iced::keyboard::{self, Key, key::Named as Keys};
use iced::{Border, Event, Length, Point, Rectangle, Renderer, Size, touch};

use super::Element;
use super::focus::{Kind, Named};
use crate::browser::frame::Picture;
use crate::browser::input::{self, Pointer};
use crate::browser::protocol::Call;
use crate::browser::{Browser, Command, View};
use crate::theme::{self, Theme};

/// Its name in the focus order.
pub const NAME: &str = "page";
/// Pixels of the ring drawn inside the page while it has the keyboard.
const RING_WIDTH: f32 = 3.0;

pub struct Page<'a> {
    browser: Option<&'a Browser>,
    picture: Option<&'a Picture>,
    listening: bool,
    zoom: f32,
}

/// The view of a browser, if there is one.
pub fn page<'a>(browser: Option<&'a Browser>, picture: Option<&'a Picture>) -> Page<'a> {
    Page { browser, picture, listening: true, zoom: 1.0 }
}

impl Page<'_> {
    /// Whether it takes input: not while something is drawn over it.
    pub fn listening(self, listening: bool) -> Self {
        Page { listening, ..self }
    }

    /// Pixels of the screen for one of the layout, which is one of the page's own: the page grows with all else.
    pub fn zoom(self, zoom: f32) -> Self {
        Page { zoom, ..self }
    }
}

#[derive(Default)]
struct State {
    focused: bool,
    held: bool,
    last_click: Option<mouse::Click>,
    clicks: u8,
    /// As the browser was told last.
    shown: Option<View>,
}

impl operation::Focusable for State {
    fn is_focused(&self) -> bool {
        self.focused
    }

    fn focus(&mut self) {
        self.focused = true;
    }

    fn unfocus(&mut self) {
        self.focused = false;
    }
}

impl State {
    /// Where in the page, if the pointer is over it or holds something from it.
    fn position(&self, cursor: mouse::Cursor, bounds: Rectangle) -> Option<Point> {
        let held =
            || cursor.position().filter(|_| self.held).map(|at| Point::new(at.x - bounds.x, at.y - bounds.y));
        cursor.position_in(bounds).or_else(held)
    }

    fn pointer(&mut self, event: &Event, cursor: mouse::Cursor, bounds: Rectangle) -> Option<Call> {
        let at = self.position(cursor, bounds);
        let call = match event {
            Event::Mouse(mouse::Event::CursorMoved { .. })
            | Event::Touch(touch::Event::FingerMoved { .. }) => {
                Pointer::Moved { x: at?.x, y: at?.y, held: self.held }
            }
            Event::Mouse(mouse::Event::ButtonPressed(mouse::Button::Left))
            | Event::Touch(touch::Event::FingerPressed { .. }) => {
                self.focused = at.is_some();
                let click = mouse::Click::new(at?, mouse::Button::Left, self.last_click);
                self.clicks = match click.kind() {
                    mouse::click::Kind::Single => 1,
                    mouse::click::Kind::Double => 2,
                    mouse::click::Kind::Triple => 3,
                };
                self.last_click = Some(click);
                self.held = true;
                Pointer::Pressed { x: at?.x, y: at?.y, clicks: self.clicks }
            }
            Event::Mouse(mouse::Event::ButtonReleased(mouse::Button::Left))
            | Event::Touch(touch::Event::FingerLifted { .. }) => {
                if !std::mem::take(&mut self.held) {
                    return None;
                }
                Pointer::Released { x: at?.x, y: at?.y, clicks: self.clicks }
            }
            Event::Mouse(mouse::Event::WheelScrolled { delta }) => {
                Pointer::Scrolled { x: at?.x, y: at?.y, delta: *delta }
            }
            _ => return None,
        };
        Some(input::pointer(call))
    }
}

impl<Message> Widget<Message, Theme, Renderer> for Page<'_> {
    fn tag(&self) -> tree::Tag {
        tree::Tag::of::<State>()
    }

    fn state(&self) -> tree::State {
        tree::State::new(State::default())
    }

    fn size(&self) -> Size<Length> {
        Size { width: Length::Fill, height: Length::Fill }
    }

    fn layout(&mut self, tree: &mut Tree, _renderer: &Renderer, limits: &layout::Limits) -> layout::Node {
        let size = limits.max();
        let state = tree.state.downcast_mut::<State>();
        let view = View { width: size.width as u32, height: size.height as u32, zoom: self.zoom };
        if let Some(browser) = self.browser.filter(|_| !view.is_empty() && state.shown != Some(view)) {
            state.shown = Some(view);
            browser.send(Command::Resize(view));
        }
        layout::Node::new(size)
    }

    fn operate(
        &mut self,
        tree: &mut Tree,
        layout: Layout<'_>,
        _renderer: &Renderer,
        operation: &mut dyn Operation,
    ) {
        let enabled = self.listening && self.browser.is_some();
        operation.custom(None, layout.bounds(), &mut Named { name: NAME.into(), enabled, kind: Kind::Page });
        if enabled {
            operation.focusable(Some(&Id::new(NAME)), layout.bounds(), tree.state.downcast_mut::<State>());
        }
    }

    fn update(
        &mut self,
        tree: &mut Tree,
        event: &Event,
        layout: Layout<'_>,
        cursor: mouse::Cursor,
        _renderer: &Renderer,
        _clipboard: &mut dyn Clipboard,
        shell: &mut Shell<'_, Message>,
        _viewport: &Rectangle,
    ) {
        let state = tree.state.downcast_mut::<State>();
        let Some(browser) = self.browser.filter(|_| self.listening) else {
            state.focused = false;
            return;
        };
        let bounds = layout.bounds();
        let call = match event {
            // F6 leaves the page, as it leaves a pane elsewhere: Tab belongs to the page's own fields. F2 reads aloud.
            Event::Keyboard(keyboard::Event::KeyPressed { key: Key::Named(Keys::F6 | Keys::F2), .. }) => {
                return;
            }
            Event::Keyboard(event) if state.focused => input::key(event),
            Event::InputMethod(input_method::Event::Commit(text)) if state.focused => Some(input::text(text)),
            event => state.pointer(event, cursor, bounds),
        };
        if matches!(event, Event::Keyboard(_)) && state.focused {
            shell.capture_event();
        }
        if let Some(call) = call {
            browser.send(Command::Input(call));
            shell.capture_event();
        }
    }

    fn draw(
        &self,
        tree: &Tree,
        renderer: &mut Renderer,
        theme: &Theme,
        _style: &renderer::Style,
        layout: Layout<'_>,
        _cursor: mouse::Cursor,
        _viewport: &Rectangle,
    ) {
        let bounds = layout.bounds();
        renderer.fill_quad(renderer::Quad { bounds, ..Default::default() }, theme::PAPER.of(theme));
        if let Some(picture) = self.picture {
            // One pixel of Chromium is one of the screen's: a frame of another size is on its way out.
            let size = Size::new(picture.width as f32, picture.height as f32) * (1.0 / self.zoom);
            let place = Rectangle::new(bounds.position(), size);
            renderer.with_layer(bounds, |renderer| {
                let image =
                    Image::new(picture.handle.clone()).filter_method(FilterMethod::Nearest).snap(true);
                renderer.draw_image(image, place, bounds);
            });
        }
        if tree.state.downcast_ref::<State>().focused {
            renderer.with_layer(bounds, |renderer| {
                let border = Border { color: theme::RING.of(theme), width: RING_WIDTH, radius: 0.0.into() };
                let ring = renderer::Quad { bounds, border, ..Default::default() };
                renderer.fill_quad(ring, iced::Color::TRANSPARENT);
            });
        }
    }

    fn mouse_interaction(
        &self,
        _tree: &Tree,
        _layout: Layout<'_>,
        _cursor: mouse::Cursor,
        _viewport: &Rectangle,
        _renderer: &Renderer,
    ) -> mouse::Interaction {
        mouse::Interaction::default()
    }
}

impl<'a, Message: 'a> From<Page<'a>> for Element<'a, Message> {
    fn from(page: Page<'a>) -> Self {
        Element::new(page)
    }
}
