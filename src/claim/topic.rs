//! What is a statement about?

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The kinds of statement that documents about networks make; reports filter by them.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// Which layers there are, and how they are joined.
    Architecture,
    /// The shape of an activation.
    OutputSize,
    /// How many parameters something has.
    ParameterCount,
    /// How many connections something has.
    ConnectionCount,
    /// How many neurons something has.
    NeuronCount,
    /// What a unit sees of the input.
    ReceptiveField,
    /// A sum, a product, a formula.
    Arithmetic,
    /// One quantity over another.
    Ratio,
    /// What a listing does, or what a comment says that it does.
    CodeBehaviour,
    /// A setting of a listing or of a paper's training.
    HyperParameter,
    /// A printed loss or accuracy.
    TrainingResult,
    /// A published error rate or a contest's result.
    LiteratureResult,
    /// One thing is better than another.
    ComparativeResult,
    /// Why something works.
    QualitativeMechanism,
    /// Who, when, and what it was called.
    History,
}

impl Topic {
    /// All, in the order in which reports offer them.
    pub const ALL: [Topic; 15] = [
        Topic::Architecture,
        Topic::OutputSize,
        Topic::ParameterCount,
        Topic::ConnectionCount,
        Topic::NeuronCount,
        Topic::ReceptiveField,
        Topic::Arithmetic,
        Topic::Ratio,
        Topic::CodeBehaviour,
        Topic::HyperParameter,
        Topic::TrainingResult,
        Topic::LiteratureResult,
        Topic::ComparativeResult,
        Topic::QualitativeMechanism,
        Topic::History,
    ];

    /// Its name in suites and records.
    pub const fn name(self) -> &'static str {
        match self {
            Topic::Architecture => "architecture",
            Topic::OutputSize => "output-size",
            Topic::ParameterCount => "parameter-count",
            Topic::ConnectionCount => "connection-count",
            Topic::NeuronCount => "neuron-count",
            Topic::ReceptiveField => "receptive-field",
            Topic::Arithmetic => "arithmetic",
            Topic::Ratio => "ratio",
            Topic::CodeBehaviour => "code-behaviour",
            Topic::HyperParameter => "hyper-parameter",
            Topic::TrainingResult => "training-result",
            Topic::LiteratureResult => "literature-result",
            Topic::ComparativeResult => "comparative-result",
            Topic::QualitativeMechanism => "qualitative-mechanism",
            Topic::History => "history",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Topic;

    #[test]
    fn names_are_those_of_suites() {
        for topic in Topic::ALL {
            assert_eq!(serde_json::to_value(topic).unwrap(), topic.name());
        }
    }
}
