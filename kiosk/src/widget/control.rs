//! The one control of the kiosk: something with a name that can be pressed, by pointer, touch or keyboard.
//!
//! Used by every screen. A [`field`] wraps a text input, which has a keyboard of its own, only to name it.

use iced::advanced::widget::{Id, Operation, Tree, operation, tree};
use iced::advanced::{Clipboard, Layout, Renderer as _, Shell, Widget, layout, mouse, renderer};
use iced::keyboard::{self, Key, key::Named as Keys};
use iced::{Background, Border, Event, Length, Padding, Rectangle, Renderer, Size, touch, window};

use super::Element;
use super::focus::{self, Kind, Named};
use crate::theme::{self, Look, Theme};

/// Pixels of the focus ring, and of the light line inside it that parts it from a dark control. Both are drawn within the
/// control: what is drawn outside stays on the screen when the renderer repaints the control alone.
const RING_WIDTH: f32 = 4.0;
const RING_LINE: f32 = 2.0;

pub struct Control<'a, Message> {
    name: String,
    content: Element<'a, Message>,
    on_press: Option<Message>,
    look: Look,
    width: Length,
    height: Length,
    padding: Padding,
    said_after: Option<String>,
}

/// A control with a content, pressed or not; without [`Control::on_press`] it is disabled.
pub fn control<'a, Message>(
    name: impl Into<String>,
    look: Look,
    content: impl Into<Element<'a, Message>>,
) -> Control<'a, Message> {
    Control {
        name: name.into(),
        content: content.into(),
        on_press: None,
        look,
        width: Length::Shrink,
        height: Length::Shrink,
        padding: Padding::from([14, 26]),
        said_after: None,
    }
}

/// Names a text input, whose id is the same name.
pub fn field<'a, Message: Clone + 'a>(
    name: impl Into<String>,
    input: impl Into<Element<'a, Message>>,
) -> Element<'a, Message> {
    Control { width: Length::Fill, padding: Padding::ZERO, ..control(name, Look::Field, input) }.into()
}

impl<'a, Message> Control<'a, Message> {
    pub fn on_press(self, message: Message) -> Self {
        self.on_press_maybe(Some(message))
    }

    pub fn on_press_maybe(mut self, message: Option<Message>) -> Self {
        self.on_press = message;
        self
    }

    pub fn width(mut self, width: impl Into<Length>) -> Self {
        self.width = width.into();
        self
    }

    pub fn height(mut self, height: impl Into<Length>) -> Self {
        self.height = height.into();
        self
    }

    pub fn padding(mut self, padding: impl Into<Padding>) -> Self {
        self.padding = padding.into();
        self
    }

    /// Words that are read aloud after those that are shown: what the eye sees at the control without words.
    pub fn said_after(mut self, words: Option<String>) -> Self {
        self.said_after = words;
        self
    }

    fn is_field(&self) -> bool {
        matches!(self.look, Look::Field)
    }
}

#[derive(Default)]
struct State {
    /// Whose state this is: the tree goes by place, and another screen has another control there.
    name: String,
    focused: bool,
    held: bool,
    hovered: bool,
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

impl<'a, Message: Clone + 'a> Widget<Message, Theme, Renderer> for Control<'a, Message> {
    fn tag(&self) -> tree::Tag {
        tree::Tag::of::<State>()
    }

    fn state(&self) -> tree::State {
        tree::State::new(State { name: self.name.clone(), ..State::default() })
    }

    fn children(&self) -> Vec<Tree> {
        vec![Tree::new(&self.content)]
    }

    fn diff(&self, tree: &mut Tree) {
        let state = tree.state.downcast_mut::<State>();
        if state.name != self.name {
            *state = State { name: self.name.clone(), ..State::default() };
            tree.children = self.children();
        }
        tree.diff_children(std::slice::from_ref(&self.content));
    }

    fn size(&self) -> Size<Length> {
        Size { width: self.width, height: self.height }
    }

    fn layout(&mut self, tree: &mut Tree, renderer: &Renderer, limits: &layout::Limits) -> layout::Node {
        layout::padded(limits, self.width, self.height, self.padding, |limits| {
            self.content.as_widget_mut().layout(&mut tree.children[0], renderer, limits)
        })
    }

    fn operate(
        &mut self,
        tree: &mut Tree,
        layout: Layout<'_>,
        renderer: &Renderer,
        operation: &mut dyn Operation,
    ) {
        let bounds = layout.bounds();
        let enabled = self.is_field() || self.on_press.is_some();
        let kind = match self.look {
            Look::Field => Kind::Field,
            Look::Key => Kind::Key,
            _ => Kind::Button,
        };
        operation.custom(None, bounds, &mut Named { name: self.name.clone(), enabled, kind });
        if enabled && !self.is_field() {
            let state = tree.state.downcast_mut::<State>();
            operation.focusable(Some(&Id::from(self.name.clone())), bounds, state);
        }
        operation.traverse(&mut |operation| {
            let content = layout.children().next().expect("padded has one child");
            self.content.as_widget_mut().operate(&mut tree.children[0], content, renderer, operation);
            if let Some(words) = &self.said_after {
                operation.text(None, Rectangle::with_size(Size::ZERO), words);
            }
        });
    }

    fn update(
        &mut self,
        tree: &mut Tree,
        event: &Event,
        layout: Layout<'_>,
        cursor: mouse::Cursor,
        renderer: &Renderer,
        clipboard: &mut dyn Clipboard,
        shell: &mut Shell<'_, Message>,
        viewport: &Rectangle,
    ) {
        let content = layout.children().next().expect("padded has one child");
        self.content.as_widget_mut().update(
            &mut tree.children[0],
            event,
            content,
            cursor,
            renderer,
            clipboard,
            shell,
            viewport,
        );
        if self.is_field() {
            return;
        }
        let over = cursor.is_over(layout.bounds());
        let state = tree.state.downcast_mut::<State>();
        let pressed = matches!(
            event,
            Event::Mouse(mouse::Event::ButtonPressed(mouse::Button::Left))
                | Event::Touch(touch::Event::FingerPressed { .. })
        );
        if pressed && state.focused {
            // Whoever took the press, this control no longer has the keyboard.
            state.focused = false;
            shell.request_redraw();
        }
        if shell.is_event_captured() {
            return;
        }
        let Some(message) = &self.on_press else {
            state.focused = false;
            return;
        };
        match event {
            // A pointer presses and leaves the keyboard alone: a ring would tell an onlooker the last digit of a PIN.
            _ if pressed => {
                state.held = over;
                if over {
                    shell.capture_event();
                }
                shell.request_redraw();
            }
            Event::Mouse(mouse::Event::ButtonReleased(mouse::Button::Left))
            | Event::Touch(touch::Event::FingerLifted { .. }) => {
                if std::mem::take(&mut state.held) && over {
                    shell.publish(message.clone());
                    shell.capture_event();
                }
                shell.request_redraw();
            }
            Event::Touch(touch::Event::FingerLost { .. }) => state.held = false,
            Event::Keyboard(keyboard::Event::KeyPressed {
                key: Key::Named(Keys::Enter | Keys::Space),
                repeat: false,
                ..
            }) if state.focused => {
                shell.publish(message.clone());
                shell.capture_event();
            }
            Event::Mouse(mouse::Event::CursorMoved { .. }) if state.hovered != over => shell.request_redraw(),
            Event::Window(window::Event::RedrawRequested(_)) => state.hovered = over,
            _ => {}
        }
    }

    fn draw(
        &self,
        tree: &Tree,
        renderer: &mut Renderer,
        theme: &Theme,
        style: &renderer::Style,
        layout: Layout<'_>,
        cursor: mouse::Cursor,
        viewport: &Rectangle,
    ) {
        let bounds = layout.bounds();
        let state = tree.state.downcast_ref::<State>();
        let enabled = self.on_press.is_some();
        let drawn = theme::look(theme, self.look, enabled, enabled && state.hovered, state.held);
        if !self.is_field() {
            let border = Border { color: drawn.edge, width: drawn.edge_width, radius: drawn.radius.into() };
            let quad = renderer::Quad { bounds, border, ..Default::default() };
            renderer.fill_quad(quad, Background::Color(drawn.background));
        }
        if state.focused && !self.is_field() && focus::is_visible() {
            ring(renderer, theme, bounds, drawn.radius);
        }
        let text = if self.is_field() { *style } else { renderer::Style { text_color: drawn.text } };
        let content = layout.children().next().expect("padded has one child");
        self.content.as_widget().draw(&tree.children[0], renderer, theme, &text, content, cursor, viewport);
    }

    fn mouse_interaction(
        &self,
        tree: &Tree,
        layout: Layout<'_>,
        cursor: mouse::Cursor,
        viewport: &Rectangle,
        renderer: &Renderer,
    ) -> mouse::Interaction {
        if self.on_press.is_some() && cursor.is_over(layout.bounds()) {
            return mouse::Interaction::Pointer;
        }
        let content = layout.children().next().expect("padded has one child");
        self.content.as_widget().mouse_interaction(&tree.children[0], content, cursor, viewport, renderer)
    }
}

/// Says which control has the keyboard.
fn ring(renderer: &mut Renderer, theme: &Theme, bounds: Rectangle, radius: f32) {
    for (inset, width, paint) in [(0.0, RING_WIDTH, theme::RING), (RING_WIDTH, RING_LINE, theme::PAPER)] {
        let color = paint.of(theme);
        let border = Border { color, width, radius: (radius - inset).max(0.0).into() };
        let quad = renderer::Quad { bounds: bounds.shrink(inset), border, ..Default::default() };
        renderer.fill_quad(quad, iced::Color::TRANSPARENT);
    }
}

impl<'a, Message: Clone + 'a> From<Control<'a, Message>> for Element<'a, Message> {
    fn from(control: Control<'a, Message>) -> Self {
        Element::new(control)
    }
}
