//! Which of cuDNN's algorithms does a convolution, and how is it run?

use super::calls::{self, Operands, Space};
use super::cudnn::{Algorithm, Described, Handle, Tried, arithmetic, refused};
use super::device::Device;
use super::memory::DeviceBlock;
use crate::gpu::{ConvPass, Convolution, Element, GpuError, Precision};
use cudarc::cudnn::sys;

/// How often algorithms are tried. The best time of each counts: its first trial may have loaded it.
const TRIALS: usize = 3;

/// The convolutions of a machine, each with its algorithm once it has run.
pub(super) struct Convolutions {
    handle: Handle,
    precision: Precision,
    deterministic: bool,
    workspace: DeviceBlock,
    known: Vec<Known>,
}

struct Known {
    pass: ConvPass,
    shape: Convolution,
    element: Element,
    described: Described,
    choice: Option<Choice>,
}

#[derive(Clone, Copy)]
struct Choice {
    algorithm: Algorithm,
    workspace: usize,
}

impl Convolutions {
    /// With a workspace that all share, since they run one after the other.
    ///
    /// # Errors
    /// [`GpuError::Device`].
    pub fn new(
        device: &Device,
        precision: Precision,
        deterministic: bool,
        workspace: DeviceBlock,
    ) -> Result<Convolutions, GpuError> {
        Ok(Convolutions {
            handle: Handle::new(device)?,
            precision,
            deterministic,
            workspace,
            known: Vec::new(),
        })
    }

    /// The number of a pass of a convolution, by which it is run.
    ///
    /// # Errors
    /// [`GpuError::Device`] if cuDNN has no such convolution.
    pub fn number(
        &mut self,
        pass: ConvPass,
        shape: Convolution,
        element: Element,
    ) -> Result<usize, GpuError> {
        let known = self
            .known
            .iter()
            .position(|known| (known.pass, known.shape, known.element) == (pass, shape, element));
        if let Some(number) = known {
            return Ok(number);
        }
        let described = Described::new(&shape, element, self.allowed(element))?;
        self.known.push(Known {
            pass,
            shape,
            element,
            described,
            choice: None,
        });
        Ok(self.known.len() - 1)
    }

    /// The arithmetic that algorithms may use. By default cuDNN multiplies f32 as TF32.
    fn allowed(&self, element: Element) -> sys::cudnnMathType_t {
        match (element, self.precision) {
            (Element::Bf16, _) => sys::cudnnMathType_t::CUDNN_TENSOR_OP_MATH,
            (Element::F32, Precision::Tf32) => sys::cudnnMathType_t::CUDNN_DEFAULT_MATH,
            (Element::F32, _) => sys::cudnnMathType_t::CUDNN_FMA_MATH,
        }
    }

    /// Runs one; the first time it also chooses its algorithm.
    ///
    /// # Errors
    /// [`GpuError::Device`], also if no algorithm does it.
    pub fn run(
        &mut self,
        device: &Device,
        number: usize,
        places: Operands,
        add: bool,
    ) -> Result<(), GpuError> {
        let choice = match self.known[number].choice {
            Some(choice) => choice,
            None => {
                let choice = self.choose(device, number, places, add)?;
                self.known[number].choice = Some(choice);
                choice
            }
        };
        let known = &self.known[number];
        let space = Space {
            start: self.workspace.start(),
            bytes: choice.workspace,
        };
        calls::compute(
            &self.handle,
            choice.algorithm,
            &known.described,
            places,
            space,
            add,
        )
        .map_err(refused(known.name()))
    }

    /// The best algorithm: the fastest when tried, or the one that cuDNN thinks best where the choice must be the
    /// same from run to run.
    fn choose(
        &self,
        device: &Device,
        number: usize,
        places: Operands,
        add: bool,
    ) -> Result<Choice, GpuError> {
        let known = &self.known[number];
        let mut choice = None;
        if !self.deterministic {
            choice = self.best(known, &self.tried(device, known, places, add));
        }
        if choice.is_none() {
            let advised = calls::advised(&self.handle, known.pass, &known.described);
            choice = self.best(known, &advised.map_err(refused(known.name()))?);
        }
        let (choice, math) = choice.ok_or_else(|| GpuError::Device {
            what: known.name(),
            why: format!("cuDNN has no algorithm for it in {}", self.precision.name()),
        })?;
        // an algorithm runs in the arithmetic in which it was tried only if it is told so
        (known.described.conv.compute_in(math)).map_err(refused(known.name()))?;
        Ok(choice)
    }

    /// Every algorithm as it did at its best when tried, fastest first; none if that cannot be done.
    fn tried(&self, device: &Device, known: &Known, places: Operands, add: bool) -> Vec<Tried> {
        // trying writes the result: where it would be added to what stands there, it goes elsewhere
        let elsewhere = match add {
            true => DeviceBlock::new(device, known.written()).ok(),
            false => None,
        };
        let places = match (known.pass, elsewhere.as_ref().map(DeviceBlock::start)) {
            (_, None) if add => return Vec::new(),
            (_, None) => places,
            (ConvPass::Forward, Some(y)) => Operands { y, ..places },
            (ConvPass::InputGradient, Some(x)) => Operands { x, ..places },
            (ConvPass::WeightGradient, Some(w)) => Operands { w, ..places },
        };
        let space = Space {
            start: self.workspace.start(),
            bytes: self.workspace.bytes(),
        };
        let mut best: Vec<Tried> = Vec::new();
        for _ in 0..TRIALS {
            let tried = calls::tried(&self.handle, known.pass, &known.described, places, space);
            // one that failed has no time
            for tried in tried
                .unwrap_or_default()
                .into_iter()
                .filter(Tried::succeeded)
            {
                let what = |one: &Tried| (one.algorithm, one.math);
                match best.iter_mut().find(|best| what(best) == what(&tried)) {
                    Some(best) => best.time = best.time.min(tried.time),
                    None => best.push(tried),
                }
            }
        }
        best.sort_by(|a, b| a.time.total_cmp(&b.time));
        best
    }

    /// The first that may be used, with its arithmetic; they stand in the order of their time.
    fn best(&self, known: &Known, tried: &[Tried]) -> Option<(Choice, sys::cudnnMathType_t)> {
        let fma = sys::cudnnMathType_t::CUDNN_FMA_MATH;
        let exact = self.allowed(known.element) == fma;
        // the descriptor decides over the arithmetic; those that were tried in it come first all the same
        let (first, last): (Vec<&Tried>, Vec<&Tried>) = tried
            .iter()
            .partition(|tried| !exact || tried.math == fma as u32);
        first.into_iter().chain(last).find_map(|tried| {
            let math = if exact { fma } else { arithmetic(tried.math)? };
            let usable = tried.succeeded()
                && tried.memory <= self.workspace.bytes()
                && math != sys::cudnnMathType_t::CUDNN_TENSOR_OP_MATH_ALLOW_CONVERSION
                && (!self.deterministic
                    || tried.determinism == sys::cudnnDeterminism_t::CUDNN_DETERMINISTIC as u32);
            let choice = Choice {
                algorithm: Algorithm::of(known.pass, tried.algorithm)?,
                workspace: tried.memory,
            };
            usable.then_some((choice, math))
        })
    }
}

impl Known {
    fn name(&self) -> String {
        format!("{:?} of {:?}", self.pass, self.shape)
    }

    /// Bytes of what it writes.
    fn written(&self) -> usize {
        let [x, w, y] = bytes(&self.shape, self.element).unwrap_or([usize::MAX; 3]);
        match self.pass {
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
