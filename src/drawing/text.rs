//! What does a box say, and how wide is that?

use super::tiles::Tile;
use crate::graph::{Drawn, Graph, Op, Shape};

/// A line of text is so high.
pub(super) const LINE: i32 = 15;
/// Space between a box's edge and its text, left and right together.
const PADDING: i32 = 8;

/// The words of one box.
pub(super) struct Text {
    /// The box's class in the stylesheet.
    pub(super) kind: &'static str,
    /// What is done to its input first.
    before: String,
    /// Its main layer.
    main: String,
    /// What follows.
    after: String,
}

/// A piece of a line, and whether it is a lesser one.
pub(super) type Span = (String, bool);

/// The words of a box.
pub(super) fn text(graph: &Graph, tile: &Tile) -> Text {
    if let Some(output) = &tile.output {
        return Text {
            kind: "end",
            before: String::new(),
            main: output.clone(),
            after: String::new(),
        };
    }
    let ops: Vec<&Op> = tile.nodes.iter().map(|&id| &graph.nodes()[id].op).collect();
    // dropout that never drops says nothing
    let idle = |op: &Op| matches!(op, Op::Dropout { p } if *p == 0.0);
    let join = |ops: &[&Op]| {
        let said = ops.iter().filter(|op| !idle(op));
        let words: Vec<String> = said.map(|op| op.to_string()).collect();
        words.join(", ")
    };
    let Some(main) = ops.get(tile.main) else {
        return plain("end", "");
    };
    Text {
        kind: kind(main),
        before: join(&ops[..tile.main]),
        main: main.to_string(),
        after: join(&ops[tile.main + 1..]),
    }
}

/// A box with one piece of text.
pub(super) fn plain(kind: &'static str, main: &str) -> Text {
    Text {
        kind,
        before: String::new(),
        main: main.into(),
        after: String::new(),
    }
}

/// How a shape is written beside an arrow.
pub(super) fn shape(shape: Shape) -> String {
    let dims: Vec<String> = shape.dims().iter().map(ToString::to_string).collect();
    dims.join(" x ")
}

/// Room for that text, with a wide font in mind.
pub(super) fn wide(text: &str) -> i32 {
    let characters = i32::try_from(text.chars().count()).unwrap_or(i32::MAX / 100);
    (characters.min(10_000) * 66 + 9) / 10
}

impl Text {
    /// Everything on one line.
    fn line(&self) -> Vec<Span> {
        let mut line = Vec::new();
        if !self.before.is_empty() {
            line.push((format!("{}, ", self.before), true));
        }
        line.push((self.main.clone(), false));
        if !self.after.is_empty() {
            line.push((format!(", {}", self.after), true));
        }
        line
    }

    fn sections(&self) -> impl Iterator<Item = (&str, bool)> {
        [
            (self.before.as_str(), true),
            (self.main.as_str(), false),
            (self.after.as_str(), true),
        ]
        .into_iter()
        .filter(|(text, _)| !text.is_empty())
    }

    /// The width at which all stands on one line.
    pub(super) fn natural(&self) -> i32 {
        let all: String = self.line().into_iter().map(|(text, _)| text).collect();
        wide(&all) + PADDING
    }

    /// The width below which a word would not fit.
    pub(super) fn least(&self) -> i32 {
        self.sections()
            .flat_map(|(text, _)| text.split(' '))
            .map(wide)
            .max()
            .unwrap_or(0)
            + PADDING
    }

    /// The width that it takes of what is there.
    pub(super) fn width(&self, available: i32) -> i32 {
        if self.natural() <= available {
            return self.natural();
        }
        let section = self.sections().map(|(text, _)| wide(text)).max();
        (section.unwrap_or(0) + PADDING)
            .min(available)
            .max(self.least())
    }

    /// Its lines in a box of that width.
    pub(super) fn lines(&self, width: i32) -> Vec<Vec<Span>> {
        if self.natural() <= width {
            return vec![self.line()];
        }
        let mut lines: Vec<Vec<Span>> = Vec::new();
        for (text, lesser) in self.sections() {
            let mut line = String::new();
            for word in text.split(' ') {
                let longer = format!("{line} {word}");
                if line.is_empty() {
                    line = word.to_string();
                } else if wide(&longer) + PADDING <= width {
                    line = longer;
                } else {
                    lines.push(vec![(line, lesser)]);
                    line = word.to_string();
                }
            }
            lines.push(vec![(line, lesser)]);
        }
        lines
    }
}

/// The class of a layer's box.
fn kind(op: &Op) -> &'static str {
    match op.kind().drawn {
        Drawn::End => "end",
        Drawn::Conv => "conv",
        Drawn::Linear => "linear",
        Drawn::Pool => "pool",
        Drawn::Join => "join",
        Drawn::Gate => "gate",
        Drawn::Behind => "norm",
    }
}
