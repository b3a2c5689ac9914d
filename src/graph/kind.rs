//! In which words is a kind of layer described?

/// What is true of a kind of layer, whatever its constants and its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// The name that listings, measures and reports use; an unnamed layer is called so too.
    pub name: &'static str,
    /// Whether papers count it towards a network's depth: it has weights and is not a normalisation.
    pub weighted: bool,
    /// Where the features that it puts out come from.
    pub features: Features,
    /// What of the forward pass its backward pass reads.
    pub backward: Backward,
    /// Whether it takes each channel's mean away, so that what a bias before it adds is lost.
    pub centres: bool,
    /// What a drawing makes of it.
    pub drawn: Drawn,
    /// What it is in a reference's list of executed layers, for those that are compared.
    pub reference: Option<Reference>,
}

/// A kind without the names of its fields: a row of the table of all.
type Row = (
    &'static str,
    bool,
    Features,
    Backward,
    bool,
    Drawn,
    Option<Reference>,
);

/// The kind of a row.
pub(super) const fn kind(
    (name, weighted, features, backward, centres, drawn, reference): Row,
) -> Kind {
    Kind {
        name,
        weighted,
        features,
        backward,
        centres,
        drawn,
        reference,
    }
}

/// Where the features that a layer puts out come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Features {
    /// It makes them of all its inputs, as weighted layers and joins do.
    Made,
    /// It makes them of its first input, and the others only weigh them (a channel gate).
    Gated,
    /// They are those of its inputs, normalised, pooled, put beside each other or cut.
    HandedOn,
}

/// What a layer's backward pass reads; of inputs and output alike it needs the shapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backward {
    /// The values that came in.
    pub inputs: bool,
    /// The values that went out.
    pub output: bool,
}

/// Shapes are enough.
pub(super) const NOTHING: Backward = Backward {
    inputs: false,
    output: false,
};
pub(super) const INPUTS: Backward = Backward {
    inputs: true,
    output: false,
};
pub(super) const OUTPUT: Backward = Backward {
    inputs: false,
    output: true,
};

/// What a layer is among those that a reference has executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reference {
    /// A convolution.
    Conv,
    /// A fully connected layer.
    Linear,
    /// A normalisation.
    Norm,
    /// Pooling or subsampling.
    Pool,
}

/// What a drawing makes of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drawn {
    /// An end of the network.
    End,
    /// A box for a convolution.
    Conv,
    /// A box for a layer on vectors.
    Linear,
    /// A box for what makes maps smaller.
    Pool,
    /// A box at which ways meet.
    Join,
    /// A box at which one way weighs another.
    Gate,
    /// No box of its own: it stands in that of the layer before it.
    Behind,
}

impl Kind {
    /// Those of its inputs whose features it puts out, changed or not.
    pub fn features_of<'a, T>(&self, inputs: &'a [T]) -> &'a [T] {
        match self.features {
            Features::Gated => &inputs[..1],
            Features::Made | Features::HandedOn => inputs,
        }
    }
}

/// A constant of a layer.
#[derive(Debug, Clone, PartialEq)]
pub enum Constant {
    /// Whether something is so.
    Flag(bool),
    /// A number of things.
    Size(usize),
    /// `[h, w]`.
    Pair([usize; 2]),
    /// A real number.
    Number(f64),
    /// One of a few words.
    Word(&'static str),
    /// Rows of numbers, of any lengths.
    Rows(Vec<Vec<usize>>),
    /// Words of a file.
    Text(String),
}
