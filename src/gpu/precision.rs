//! With which numbers does a GPU compute?

use super::Element;

/// What convolutions multiply; everything is summed up in f32.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// f32 as it is, without the matrix units.
    F32,
    /// f32 in memory, of whose mantissas the matrix units read ten bits.
    Tf32,
    /// bf16 in memory too.
    Bf16,
}

impl Precision {
    /// All.
    pub const ALL: [Precision; 3] = [Precision::F32, Precision::Tf32, Precision::Bf16];

    /// As options and records write it.
    pub const fn name(self) -> &'static str {
        match self {
            Precision::F32 => "f32",
            Precision::Tf32 => "tf32",
            Precision::Bf16 => "bf16",
        }
    }

    /// What activations are stored as.
    pub const fn element(self) -> Element {
        match self {
            Precision::F32 | Precision::Tf32 => Element::F32,
            Precision::Bf16 => Element::Bf16,
        }
    }
}
