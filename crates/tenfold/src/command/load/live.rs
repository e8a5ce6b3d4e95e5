//! A load test while it runs: a picture on a terminal, and a line now and then anywhere else.
//!
//! # The trade-off
//! The program that draws is the one that makes load. A second is looked at once, when it is over ([`view`]); the picture is
//! drawn four times a second at most, and percentiles are never told anew for it.

mod draw;
mod lines;
mod plots;
mod tone;
mod view;

use std::io::{self, IsTerminal, Write as _};
use std::time::{Duration, Instant};

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use tenfold_load::Progress;

use lines::Lines;
use view::View;

/// Between two pictures.
const BEAT: Duration = Duration::from_millis(250);

/// Shows a running test.
pub(crate) struct Live {
    view: View,
    shown: Shown,
}

enum Shown {
    Screen {
        screen: Screen,
        drawn: Option<Instant>,
    },
    Lines(Lines),
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nobody wants it to end.
    GoOn,
    /// Somebody has pressed `q` or Ctrl-C: end the test, and report.
    End,
}

impl Live {
    /// Takes the terminal if there is one and `is_plain` does not forbid it. It is given back when this is dropped, which has
    /// to be before anything else is printed.
    ///
    /// # Errors
    /// When the terminal cannot be taken.
    pub(crate) fn start(is_plain: bool) -> io::Result<Self> {
        let is_terminal = io::stdout().is_terminal() && io::stdin().is_terminal();
        let shown = match is_terminal && !is_plain {
            true => Shown::Screen {
                screen: Screen::take()?,
                drawn: None,
            },
            false => Shown::Lines(Lines::default()),
        };
        let view = View::default();
        Ok(Self { view, shown })
    }

    /// Shows how it stands, if it is time to, and reads keys. To be called some ten times a second, and once at the end; it does
    /// not wait.
    ///
    /// # Errors
    /// When the terminal is gone. Nobody reading the lines is no error.
    pub(crate) fn show(&mut self, progress: &Progress<'_>) -> io::Result<Next> {
        match &mut self.shown {
            Shown::Lines(lines) => {
                if let Some(line) = lines.next(progress) {
                    let _unread = io::stderr().lock().write_all(line.as_bytes());
                }
                Ok(Next::GoOn)
            }
            Shown::Screen { screen, drawn } => {
                let keys = keys()?;
                if keys == Keys::End {
                    return Ok(Next::End);
                }
                let is_due = drawn.is_none_or(|drawn| drawn.elapsed() >= BEAT);
                if is_due || keys == Keys::Redraw {
                    self.view.look(progress);
                    let view = &self.view;
                    screen
                        .terminal
                        .draw(|frame| draw::draw(frame, view, progress))?;
                    *drawn = Some(Instant::now());
                }
                Ok(Next::GoOn)
            }
        }
    }
}

/// What keys have said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keys {
    None,
    /// The size has changed.
    Redraw,
    End,
}

fn keys() -> io::Result<Keys> {
    let mut keys = Keys::None;
    while event::poll(Duration::ZERO)? {
        match event::read()? {
            Event::Key(key) if ends(key) => return Ok(Keys::End),
            Event::Resize(..) => keys = Keys::Redraw,
            _ => {}
        }
    }
    Ok(keys)
}

fn ends(key: KeyEvent) -> bool {
    let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
    let is_end = match key.code {
        KeyCode::Char('q') => true,
        KeyCode::Char('c' | 'd') => is_control,
        _ => false,
    };
    is_end && key.kind != KeyEventKind::Release
}

/// The terminal while it is ours. It is given back when this is dropped, and (by ratatui's hook) before a panic is reported.
struct Screen {
    terminal: DefaultTerminal,
}

impl Screen {
    fn take() -> io::Result<Self> {
        let terminal = ratatui::try_init().inspect_err(|_| ratatui::restore())?;
        Ok(Self { terminal })
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

#[cfg(test)]
mod tests;
