//! (opened in the first commits)
