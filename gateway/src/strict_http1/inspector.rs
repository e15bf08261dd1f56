//! The sequence of heads and bodies on one direction.
