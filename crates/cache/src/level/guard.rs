//! (being written)
#[derive(Debug, Clone)]
pub struct GuardOptions {}
#[derive(Debug, Clone)]
pub struct LevelState {}
pub(crate) struct Guarded {}
