//! What does a box say, and how wide is that?

use super::tiles::Tile;
use crate::graph::{Activation, Conv, Graph, Op, Shape, Window};

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
        let words: Vec<String> = said.map(|op| words(op)).collect();
        words.join(", ")
    };
    let Some(main) = ops.get(tile.main) else {
        return plain("end", "");
    };
    Text {
        kind: kind(main),
        before: join(&ops[..tile.main]),
        main: words(main),
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

fn kind(op: &Op) -> &'static str {
    match op {
        Op::Input => "end",
        Op::Conv(_) => "conv",
        Op::Linear { .. } | Op::Rbf { .. } => "linear",
        Op::MaxPool { .. }
        | Op::AvgPool { .. }
        | Op::AdaptiveAvgPool { .. }
        | Op::Subsample { .. }
        | Op::PadShortcut { .. } => "pool",
        Op::Concat | Op::Add | Op::BroadcastAdd | Op::Mean { .. } => "join",
        Op::Gate => "gate",
        Op::BatchNorm { .. }
        | Op::Lrn { .. }
        | Op::Activation(_)
        | Op::Dropout { .. }
        | Op::Flatten
        | Op::Slice { .. }
        | Op::Scale { .. } => "norm",
    }
}

fn words(op: &Op) -> String {
    match op {
        Op::Input => "input".into(),
        Op::Conv(conv) => convolution(conv),
        Op::Linear { out, .. } => format!("linear {out}"),
        Op::BatchNorm { .. } => "BN".into(),
        Op::Lrn { .. } => "LRN".into(),
        Op::Activation(Activation::Relu) => "ReLU".into(),
        Op::Activation(Activation::Sigmoid) => "sigmoid".into(),
        Op::Activation(Activation::Tanh) => "tanh".into(),
        Op::Activation(Activation::ScaledTanh) => "scaled tanh".into(),
        Op::Activation(Activation::Softmax) => "softmax".into(),
        Op::MaxPool { window } => slid(window, "max pool"),
        Op::AvgPool { window, .. } => slid(window, "avg pool"),
        Op::AdaptiveAvgPool { output: [1, 1] } => "global avg pool".into(),
        Op::AdaptiveAvgPool { output: [h, w] } => format!("avg pool to {h}x{w}"),
        Op::Subsample { window } => slid(window, "subsampling"),
        Op::Rbf { out } => format!("RBF {out}"),
        Op::Dropout { p } => format!("dropout {p}"),
        Op::Flatten => "flatten".into(),
        Op::Concat => "concat".into(),
        Op::Add => "add".into(),
        Op::BroadcastAdd => "broadcast add".into(),
        Op::Gate => "gate".into(),
        Op::Mean { .. } => "mean".into(),
        Op::Slice { from, to } => format!("maps {from} to {}", to.saturating_sub(1)),
        Op::Scale { factor, offset } => scaled(*factor, *offset),
        Op::PadShortcut { channels, stride } => format!("zero maps to {channels}{}", step(*stride)),
    }
}

fn convolution(conv: &Conv) -> String {
    let mut words = slid(&conv.window, &format!("conv {}", conv.out));
    if conv.groups > 1 {
        words += &format!(", {} groups", conv.groups);
    }
    if conv.table.is_some() {
        words += ", table";
    }
    words
}

/// A scale without the parts that do nothing.
fn scaled(factor: f64, offset: f64) -> String {
    if factor == -1.0 {
        format!("{offset} - x")
    } else if offset == 0.0 {
        format!("times {factor}")
    } else {
        format!("times {factor} plus {offset}")
    }
}

fn slid(window: &Window, what: &str) -> String {
    let [h, w] = window.kernel;
    let [down, right] = window.stride;
    let stride = if down == right {
        step(down)
    } else {
        format!(" /{down}x{right}")
    };
    let dilation = match window.dilation {
        [1, 1] => String::new(),
        [h, w] if h == w => format!(", dilation {h}"),
        [h, w] => format!(", dilation {h}x{w}"),
    };
    format!("{h}x{w} {what}{stride}{dilation}")
}

fn step(stride: usize) -> String {
    if stride == 1 {
        String::new()
    } else {
        format!(" /{stride}")
    }
}
