//! Right-to-left: the layout of a whole view seen in a mirror. Rows run from the right, margins and edges change sides, and
//! nobody who writes a screen has to think of it.
//!
//! Used by [`crate::app`] around every view in a right-to-left language, and by the keypad, which stays as it is everywhere:
//! mirrored twice. Words are shaped and ordered by the text engine; only places change here. Invariant: reading order, Tab
//! order and names are those of the widget tree, mirrored or not. Scrollables keep their bar on the right: their content has
//! to be as wide as they are.

use iced::advanced::layout::{self, Node};
use iced::advanced::widget::{Operation, Tree, tree};
use iced::advanced::{Clipboard, Layout, Shell, Widget, mouse, renderer};
use iced::{Event, Length, Point, Rectangle, Renderer, Size};

use super::Element;
use crate::theme::Theme;

/// The view as it is, or in the mirror.
pub fn mirrored<'a, Message: 'a>(view: Element<'a, Message>, yes: bool) -> Element<'a, Message> {
    if yes { Element::new(Mirror { view }) } else { view }
}

struct Mirror<'a, Message> {
    view: Element<'a, Message>,
}

fn reflect(node: &Node) -> Node {
    let width = node.size().width;
    let children = node.children().iter().map(|child| {
        let bounds = child.bounds();
        reflect(child).move_to(Point::new(width - bounds.x - bounds.width, bounds.y))
    });
    Node::with_children(node.size(), children.collect()).move_to(node.bounds().position())
}

impl<Message> Widget<Message, Theme, Renderer> for Mirror<'_, Message> {
    fn tag(&self) -> tree::Tag {
        self.view.as_widget().tag()
    }

    fn state(&self) -> tree::State {
        self.view.as_widget().state()
    }

    fn children(&self) -> Vec<Tree> {
        self.view.as_widget().children()
    }

    fn diff(&self, tree: &mut Tree) {
        self.view.as_widget().diff(tree);
    }

    fn size(&self) -> Size<Length> {
        self.view.as_widget().size()
    }

    fn layout(&mut self, tree: &mut Tree, renderer: &Renderer, limits: &layout::Limits) -> Node {
        reflect(&self.view.as_widget_mut().layout(tree, renderer, limits))
    }

    fn operate(
        &mut self,
        tree: &mut Tree,
        layout: Layout<'_>,
        renderer: &Renderer,
        operation: &mut dyn Operation,
    ) {
        self.view.as_widget_mut().operate(tree, layout, renderer, operation);
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
        let view = self.view.as_widget_mut();
        view.update(tree, event, layout, cursor, renderer, clipboard, shell, viewport);
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
        self.view.as_widget().draw(tree, renderer, theme, style, layout, cursor, viewport);
    }

    fn mouse_interaction(
        &self,
        tree: &Tree,
        layout: Layout<'_>,
        cursor: mouse::Cursor,
        viewport: &Rectangle,
        renderer: &Renderer,
    ) -> mouse::Interaction {
        self.view.as_widget().mouse_interaction(tree, layout, cursor, viewport, renderer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_turns_left_to_right_and_two_turn_nothing() {
        let at = |x, width, children| {
            Node::with_children(Size::new(width, 10.0), children).move_to(Point::new(x, 3.0))
        };
        let row = || at(0.0, 100.0, vec![at(5.0, 20.0, vec![at(1.0, 4.0, vec![])]), at(30.0, 60.0, vec![])]);
        let places =
            |node: &Node| -> Vec<f32> { node.children().iter().map(|child| child.bounds().x).collect() };
        let mirrored = reflect(&row());
        assert_eq!(places(&mirrored), [75.0, 10.0]);
        assert_eq!(places(&mirrored.children()[0]), [15.0]);
        let again = reflect(&mirrored);
        assert_eq!((places(&again), places(&again.children()[0])), (places(&row()), vec![1.0]));
    }
}
