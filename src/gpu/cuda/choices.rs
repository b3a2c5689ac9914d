//! Which of cuDNN's algorithms does a convolution, on all machines of a GPU?

use super::calls;
use super::cudnn::{Algorithm, Described, Handle, Tried, arithmetic, refused};
use crate::gpu::{ConvPass, Convolution, Element, GpuError, Precision};
use cudarc::cudnn::sys;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bytes that an algorithm may take for what is half done. The same on every GPU, since it decides which can be chosen.
pub(super) const WORKSPACE: usize = 1 << 30;

/// A pass of a convolution.
pub(super) type What = (ConvPass, Convolution, Element);

/// The algorithms that were chosen on a GPU, for all its machines.
pub(super) struct Choices {
    precision: Precision,
    pub deterministic: bool,
    known: Mutex<BTreeMap<What, Choice>>,
}

/// An algorithm, and the arithmetic and workspace in which it was tried.
#[derive(Clone, Copy)]
pub(super) struct Choice {
    pub algorithm: Algorithm,
    math: sys::cudnnMathType_t,
    pub workspace: usize,
}

impl Choices {
    /// None yet. Deterministic ones have sums of a fixed order, and are always the same.
    pub fn new(precision: Precision, deterministic: bool) -> Choices {
        Choices {
            precision,
            deterministic,
            known: Mutex::default(),
        }
    }

    /// Held while one is chosen: whoever wants the same waits, and trials do not disturb one another.
    pub fn known(&self) -> MutexGuard<'_, BTreeMap<What, Choice>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The arithmetic that algorithms may use. By default cuDNN multiplies f32 as TF32.
    pub fn allowed(&self, element: Element) -> sys::cudnnMathType_t {
        match (element, self.precision) {
            (Element::Bf16, _) => sys::cudnnMathType_t::CUDNN_TENSOR_OP_MATH,
            (Element::F32, Precision::Tf32) => sys::cudnnMathType_t::CUDNN_DEFAULT_MATH,
            (Element::F32, _) => sys::cudnnMathType_t::CUDNN_FMA_MATH,
        }
    }

    /// The algorithm that cuDNN thinks best.
    pub fn advised(&self, handle: &Handle, known: &Known) -> Result<Choice, GpuError> {
        let (pass, ..) = known.what;
        let advised = calls::advised(handle, pass, &known.described);
        let choice = self.best(known, &advised.map_err(refused(known.name()))?);
        choice.ok_or_else(|| GpuError::Device {
            what: known.name(),
            why: format!("cuDNN has no algorithm for it in {}", self.precision.name()),
        })
    }

    /// The first that may be used; they stand in the order of their time.
    pub fn best(&self, known: &Known, tried: &[Tried]) -> Option<Choice> {
        let (pass, _, element) = known.what;
        let fma = sys::cudnnMathType_t::CUDNN_FMA_MATH;
        let exact = self.allowed(element) == fma;
        // the descriptor decides over the arithmetic; those that were tried in it come first all the same
        let (first, last): (Vec<&Tried>, Vec<&Tried>) = tried
            .iter()
            .partition(|tried| !exact || tried.math == fma as u32);
        first.into_iter().chain(last).find_map(|tried| {
            let math = if exact { fma } else { arithmetic(tried.math)? };
            let usable = tried.succeeded()
                && tried.memory <= WORKSPACE
                && math != sys::cudnnMathType_t::CUDNN_TENSOR_OP_MATH_ALLOW_CONVERSION
                && (!self.deterministic
                    || tried.determinism == sys::cudnnDeterminism_t::CUDNN_DETERMINISTIC as u32);
            let choice = Choice {
                algorithm: Algorithm::of(pass, tried.algorithm)?,
                math,
                workspace: tried.memory,
            };
            usable.then_some(choice)
        })
    }
}

/// A convolution that a machine knows.
pub(super) struct Known {
    pub what: What,
    pub described: Described,
    /// Once it is chosen.
    pub choice: Option<Choice>,
}

impl Known {
    /// Settles the algorithm.
    ///
    /// # Errors
    /// [`GpuError::Device`].
    pub fn decide(&mut self, choice: Choice) -> Result<(), GpuError> {
        // an algorithm runs in the arithmetic in which it was tried only if it is told so
        let told = self.described.conv.compute_in(choice.math);
        told.map_err(refused(self.name()))?;
        self.choice = Some(choice);
        Ok(())
    }

    pub fn name(&self) -> String {
        let (pass, shape, _) = self.what;
        format!("{pass:?} of {shape:?}")
    }

    /// Bytes of what it writes.
    pub fn written(&self) -> usize {
        let (pass, shape, element) = self.what;
        let [x, w, y] = bytes(&shape, element).unwrap_or([usize::MAX; 3]);
        match pass {
            ConvPass::Forward => y,
            ConvPass::InputGradient => x,
            ConvPass::WeightGradient => w,
        }
    }
}

/// Bytes of input, weights and output; nothing if the machine cannot count them.
pub(super) fn bytes(shape: &Convolution, element: Element) -> Option<[usize; 3]> {
    let product = |factors: [usize; 4]| {
        factors
            .iter()
            .try_fold(element.bytes(), |product: usize, &factor| {
                product.checked_mul(factor)
            })
    };
    let Convolution {
        samples,
        maps,
        groups,
        kernel,
        input,
        output,
        ..
    } = *shape;
    Some([
        product([samples, maps[0], input[0], input[1]])?,
        product([maps[1], maps[0].checked_div(groups)?, kernel[0], kernel[1]])?,
        product([samples, maps[1], output[0], output[1]])?,
    ])
}
