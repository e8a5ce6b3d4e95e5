//! A scenario file before it is text: only what importers make, with the comments that people should read.

use super::DataFile;

/// The whole file.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    /// What reports call it.
    pub(super) name: String,
    /// At the top, a paragraph each.
    pub(super) comments: Vec<String>,
    /// The URL that requests go to.
    pub(super) target: String,
    /// Fields that every request has.
    pub(super) fields: Vec<(String, Text)>,
    /// Whether users keep cookies.
    pub(super) keeps_cookies: bool,
    /// Above the phases.
    pub(super) phase_comments: Vec<String>,
    /// One after the other.
    pub(super) phases: Vec<Phase>,
    /// Whether arrivals are independent of each other.
    pub(super) is_poisson: bool,
    /// Who does what.
    pub(super) scenarios: Vec<Scenario>,
    /// Above the table of transitions.
    pub(super) markov_comments: Vec<String>,
    /// How pages follow each other, if they do.
    pub(super) markov: Option<Markov>,
    /// Data that steps use.
    pub(super) feeds: Vec<Feed>,
}

/// A part of the test.
#[derive(Clone, Debug)]
pub(super) struct Phase {
    pub(super) name: String,
    /// Not zero.
    pub(super) seconds: u64,
    pub(super) load: Load,
}

/// How much load there is: it goes linearly from the one to the other.
#[derive(Clone, Copy, Debug)]
pub(super) enum Load {
    /// Arrivals per second.
    Rate(f64, f64),
    Users(u32),
}

/// Steps.
#[derive(Clone, Debug, Default)]
pub(super) struct Scenario {
    pub(super) name: String,
    pub(super) comments: Vec<String>,
    /// Relative to others; not written if there is a table of transitions.
    pub(super) weight: f64,
    pub(super) steps: Vec<Step>,
}

/// A request.
#[derive(Clone, Debug, Default)]
pub(super) struct Step {
    /// What reports call it, if that is not its method and path.
    pub(super) name: Option<String>,
    pub(super) group: Option<String>,
    pub(super) method: String,
    /// Without the query.
    pub(super) path: Text,
    pub(super) query: Query,
    pub(super) fields: Vec<(String, Text)>,
    pub(super) body: Body,
    /// The status, if it is not one below 400.
    pub(super) status: Option<u16>,
    pub(super) extracts: Vec<Extract>,
    pub(super) think: Think,
}

/// What follows the path.
#[derive(Clone, Debug, Default)]
pub(super) enum Query {
    #[default]
    None,
    /// As it stands, percent-encoded, after a question mark.
    Written(Text),
    /// Names and values, not encoded.
    Pairs(Vec<(String, Text)>),
}

#[derive(Clone, Debug, Default)]
pub(super) enum Body {
    #[default]
    None,
    /// Names and values, not encoded.
    Form(Vec<(String, Text)>),
    Json(Json),
    Raw(Text),
}

/// JSON whose strings may have holes.
#[derive(Clone, Debug)]
pub(super) enum Json {
    /// Neither a string nor something with parts.
    Plain(serde_json::Value),
    Text(Text),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// A text in parts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Text(pub(super) Vec<Piece>);

/// A part of a text.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    /// As it stands: `${` in it means just that.
    Literal(String),
    Variable(String),
    /// A variable of the environment.
    Environment(String),
    Column {
        feed: String,
        column: String,
    },
    Zipf {
        n: u64,
        s: f64,
    },
    /// From 1 to `n`, all alike.
    Random {
        n: u64,
    },
}

/// Where a variable gets its value from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Extract {
    pub(super) variable: String,
    pub(super) from: From,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum From {
    /// A path like `$.cart.id`.
    JsonPath(String),
    /// With one group.
    Regex(String),
    /// By name, and perhaps what of its value.
    Header(String, Option<String>),
    Cookie(String),
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Think {
    #[default]
    Not,
    /// Seconds.
    Uniform(f64, f64),
    /// Seconds: the mean, and the most.
    Exponential(f64, f64),
}

/// Transitions.
#[derive(Clone, Debug)]
pub(super) struct Markov {
    /// By scenario.
    pub(super) start: Vec<f64>,
    /// By scenario and the next one.
    pub(super) next: Vec<Vec<f64>>,
    pub(super) most: u32,
}

/// Rows, of which each use takes one at random.
#[derive(Clone, Debug)]
pub(super) struct Feed {
    pub(super) name: String,
    pub(super) comment: String,
    pub(super) file: DataFile,
}

impl Text {
    /// A text without holes.
    pub(super) fn literal(text: impl Into<String>) -> Self {
        Self(vec![Piece::Literal(text.into())])
    }

    /// Adds a text without holes.
    pub(super) fn push_str(&mut self, text: &str) {
        match self.0.last_mut() {
            Some(Piece::Literal(last)) => last.push_str(text),
            _ => self.0.push(Piece::Literal(text.to_owned())),
        }
    }

    /// Adds another one behind it.
    pub(super) fn append(&mut self, other: Self) {
        for piece in other.0 {
            match piece {
                Piece::Literal(text) => self.push_str(&text),
                hole => self.0.push(hole),
            }
        }
    }

    /// Whether it has holes.
    pub(super) fn has_variables(&self) -> bool {
        self.0
            .iter()
            .any(|piece| !matches!(piece, Piece::Literal(_)))
    }

    /// As the file has it.
    pub(super) fn written(&self) -> String {
        self.0.iter().map(Piece::written).collect()
    }
}

impl Piece {
    pub(super) fn written(&self) -> String {
        match self {
            Self::Literal(text) => text.replace("${", "$${"),
            Self::Variable(name) => format!("${{{name}}}"),
            Self::Environment(name) => format!("${{env:{name}}}"),
            Self::Column { feed, column } => format!("${{{feed}.{column}}}"),
            Self::Random { n } => format!("${{random(1, {n})}}"),
            Self::Zipf { n, s } => format!("${{zipf({n}, {s})}}"),
        }
    }
}

/// A name of letters, digits and underscores that begins with a letter, from what a stranger chose, and that is not `taken`.
pub(super) fn name_of(text: &str, instead: &str, taken: impl Fn(&str) -> bool) -> String {
    const LONGEST: usize = 40;
    let mut name = String::new();
    for char in text.chars() {
        match char.to_ascii_lowercase() {
            char if char.is_ascii_alphanumeric() => name.push(char),
            _ if name.ends_with('_') || name.is_empty() => {}
            _ => name.push('_'),
        }
        if name.len() >= LONGEST {
            break;
        }
    }
    name.truncate(name.trim_end_matches('_').len());
    if !name.starts_with(|char: char| char.is_ascii_alphabetic()) {
        let separator = if name.is_empty() { "" } else { "_" };
        name = format!("{instead}{separator}{name}");
    }
    if !taken(&name) {
        return name;
    }
    let numbered = (2_u64..).map(|number| format!("{name}_{number}"));
    let mut free = numbered.filter(|name| !taken(name));
    free.next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_hole_is_none() {
        let mut text = Text::literal("${a} ");
        text.push_str("$5 $${");
        text.0.push(Piece::Variable("b".to_owned()));
        assert_eq!(text.written(), "$${a} $5 $$${${b}");
    }

    #[test]
    fn names_are_fit_for_templates() {
        let free = |_: &str| false;
        assert_eq!(name_of("X-CSRF-Token", "value", free), "x_csrf_token");
        assert_eq!(name_of("user[name]", "value", free), "user_name");
        assert_eq!(name_of("2fa", "value", free), "value_2fa");
        assert_eq!(name_of("ä", "value", free), "value");
        assert_eq!(name_of("a", "value", |name| name == "a"), "a_2");
        assert_eq!(name_of(&"ab".repeat(99), "value", free).len(), 40);
    }
}
