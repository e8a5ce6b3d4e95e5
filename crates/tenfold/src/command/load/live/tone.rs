//! How texts look.

use ratatui::style::{Color, Modifier, Style};

pub(super) fn dim() -> Style {
    Style::new().add_modifier(Modifier::DIM)
}

pub(super) fn bold() -> Style {
    Style::new().add_modifier(Modifier::BOLD)
}

pub(super) fn bad() -> Style {
    Style::new().fg(Color::Red).add_modifier(Modifier::BOLD)
}

pub(super) fn bad_if(is_bad: bool) -> Style {
    if is_bad { bad() } else { Style::new() }
}
