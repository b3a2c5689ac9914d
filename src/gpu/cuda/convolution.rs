//! Which of cuDNN's algorithms does a convolution, and how is it run?
#![allow(unsafe_code)]

use super::cudnn::{ALGORITHMS, Algorithm, Described, Handle, Tried, arithmetic, refused};
use super::device::{Block, Device, Pointer};
use crate::gpu::{Convolution, Element, GpuError, Pass, Precision};
use cudarc::cudnn::{result, sys};
use std::ffi::{c_int, c_void};

/// The convolutions of a machine, each with its algorithm once it has run.
pub(super) struct Convolutions {
    handle: Handle,
    precision: Precision,
    deterministic: bool,
    workspace: Block,
    known: Vec<Known>,
}

struct Known {
    pass: Pass,
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

/// Where the three tensors of a convolution stand on the device.
#[derive(Clone, Copy)]
pub(super) struct Places {
    pub x: Pointer,
    pub w: Pointer,
    pub y: Pointer,
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
        workspace: Block,
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
        pass: Pass,
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
        places: Places,
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
        self.start(&self.known[number], choice, places, add)
    }

    /// The best algorithm: the fastest when tried, or the one that cuDNN thinks best where the choice must be the
    /// same from run to run.
    fn choose(
        &self,
        device: &Device,
        number: usize,
        places: Places,
        add: bool,
    ) -> Result<Choice, GpuError> {
        let known = &self.known[number];
        let mut choice = None;
        if !self.deterministic {
            choice = self.best(known, &self.tried(device, known, places, add));
        }
        if choice.is_none() {
            choice = self.best(known, &self.advised(known)?);
        }
        let (choice, math) = choice.ok_or_else(|| GpuError::Device {
            what: format!(
                "{:?} of {:?} in {:?}",
                known.pass, known.shape, self.precision
            ),
            why: "cuDNN has no algorithm for it".into(),
        })?;
        // an algorithm runs in the arithmetic in which it was tried only if it is told so
        // SAFETY: the descriptor is there.
        unsafe { result::set_convolution_math_type(known.described.conv.0, math) }
            .map_err(refused("an arithmetic"))?;
        Ok(choice)
    }

    /// The first that may be used, with its arithmetic; they stand in the order of their time.
    fn best(&self, known: &Known, tried: &[Tried]) -> Option<(Choice, sys::cudnnMathType_t)> {
        let exact = self.allowed(known.element) == sys::cudnnMathType_t::CUDNN_FMA_MATH;
        tried.iter().find_map(|tried| {
            let math = arithmetic(tried.math)?;
            let usable = tried.status == sys::cudnnStatus_t::CUDNN_STATUS_SUCCESS as u32
                && tried.memory <= self.workspace.bytes()
                && (!exact || math == sys::cudnnMathType_t::CUDNN_FMA_MATH)
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

    /// Every algorithm as it did when tried; none if that cannot be done.
    fn tried(&self, device: &Device, known: &Known, places: Places, add: bool) -> Vec<Tried> {
        // trying writes the result: where it would be added to what stands there, it goes elsewhere
        let elsewhere = match add {
            true => Block::new(device, known.bytes(known.pass)).ok(),
            false => None,
        };
        if add && elsewhere.is_none() {
            return Vec::new();
        }
        let result = elsewhere.as_ref().map(Block::start);
        let Places { x, w, y } = match (known.pass, result) {
            (_, None) => places,
            (Pass::Forward, Some(y)) => Places { y, ..places },
            (Pass::InputGradient, Some(x)) => Places { x, ..places },
            (Pass::WeightGradient, Some(w)) => Places { w, ..places },
        };
        let (mut found, mut tried) = (0, [Tried::default(); ALGORITHMS]);
        let Described {
            x: xs,
            w: ws,
            y: ys,
            conv,
        } = &known.described;
        let (handle, most) = (self.handle.0, ALGORITHMS as c_int);
        let (space, bytes) = (
            self.workspace.start() as *mut c_void,
            self.workspace.bytes(),
        );
        let (x, w, y) = (x as *mut c_void, w as *mut c_void, y as *mut c_void);
        let into = tried.as_mut_ptr();
        // SAFETY: handle and descriptors are there; the places hold what the descriptors say (`at` has checked it, or
        // `elsewhere` has that size), and `tried` has room for as many as are asked for, in the form in which they
        // are written. The call returns when all is tried.
        let status = unsafe {
            match known.pass {
                Pass::Forward => sys::cudnnFindConvolutionForwardAlgorithmEx(
                    handle,
                    xs.0,
                    x,
                    ws.0,
                    w,
                    conv.0,
                    ys.0,
                    y,
                    most,
                    &raw mut found,
                    into.cast(),
                    space,
                    bytes,
                ),
                Pass::InputGradient => sys::cudnnFindConvolutionBackwardDataAlgorithmEx(
                    handle,
                    ws.0,
                    w,
                    ys.0,
                    y,
                    conv.0,
                    xs.0,
                    x,
                    most,
                    &raw mut found,
                    into.cast(),
                    space,
                    bytes,
                ),
                Pass::WeightGradient => sys::cudnnFindConvolutionBackwardFilterAlgorithmEx(
                    handle,
                    xs.0,
                    x,
                    ys.0,
                    y,
                    conv.0,
                    ws.0,
                    w,
                    most,
                    &raw mut found,
                    into.cast(),
                    space,
                    bytes,
                ),
            }
        };
        first(&tried, status.result().map_or(0, |()| found))
    }

    /// Every algorithm in the order in which cuDNN would choose, without a trial.
    fn advised(&self, known: &Known) -> Result<Vec<Tried>, GpuError> {
        let (mut found, mut tried) = (0, [Tried::default(); ALGORITHMS]);
        let Described { x, w, y, conv } = &known.described;
        let (handle, most) = (self.handle.0, ALGORITHMS as c_int);
        let into = tried.as_mut_ptr();
        // SAFETY: handle and descriptors are there, and `tried` has room for as many as are asked for, in the form in
        // which they are written.
        unsafe {
            match known.pass {
                Pass::Forward => result::get_convolution_forward_algorithm(
                    handle,
                    x.0,
                    w.0,
                    conv.0,
                    y.0,
                    most,
                    &raw mut found,
                    into.cast(),
                ),
                Pass::InputGradient => result::get_convolution_backward_data_algorithm(
                    handle,
                    w.0,
                    y.0,
                    conv.0,
                    x.0,
                    most,
                    &raw mut found,
                    into.cast(),
                ),
                Pass::WeightGradient => result::get_convolution_backward_filter_algorithm(
                    handle,
                    x.0,
                    y.0,
                    conv.0,
                    w.0,
                    most,
                    &raw mut found,
                    into.cast(),
                ),
            }
        }
        .map_err(refused(format!("{:?} of {:?}", known.pass, known.shape)))?;
        Ok(first(&tried, found))
    }

    fn start(
        &self,
        known: &Known,
        choice: Choice,
        places: Places,
        add: bool,
    ) -> Result<(), GpuError> {
        let (alpha, beta) = (1.0f32, if add { 1.0f32 } else { 0.0 });
        let (alpha, beta) = (&raw const alpha, &raw const beta);
        let Described {
            x: xs,
            w: ws,
            y: ys,
            conv,
        } = &known.described;
        let (x, w, y) = (
            places.x as *mut c_void,
            places.w as *mut c_void,
            places.y as *mut c_void,
        );
        let (space, bytes) = (self.workspace.start() as *mut c_void, choice.workspace);
        let handle = self.handle.0;
        // SAFETY: handle and descriptors are there, the factors are read before the call returns, the places hold
        // what the descriptors say (`at` has checked it) and the workspace is as large as the algorithm said.
        unsafe {
            match choice.algorithm {
                Algorithm::Forward(algorithm) => result::convolution_forward(
                    handle,
                    alpha.cast(),
                    xs.0,
                    x,
                    ws.0,
                    w,
                    conv.0,
                    algorithm,
                    space,
                    bytes,
                    beta.cast(),
                    ys.0,
                    y,
                ),
                Algorithm::InputGradient(algorithm) => result::convolution_backward_data(
                    handle,
                    alpha.cast(),
                    ws.0,
                    w,
                    ys.0,
                    y,
                    conv.0,
                    algorithm,
                    space,
                    bytes,
                    beta.cast(),
                    xs.0,
                    x,
                ),
                Algorithm::WeightGradient(algorithm) => result::convolution_backward_filter(
                    handle,
                    alpha.cast(),
                    xs.0,
                    x,
                    ys.0,
                    y,
                    conv.0,
                    algorithm,
                    space,
                    bytes,
                    beta.cast(),
                    ws.0,
                    w,
                ),
            }
        }
        .map_err(refused(format!("{:?} of {:?}", known.pass, known.shape)))
    }
}

fn first(tried: &[Tried], found: c_int) -> Vec<Tried> {
    let found = usize::try_from(found).unwrap_or(0).min(tried.len());
    tried[..found].to_vec()
}

impl Known {
    /// Bytes of what a pass writes.
    fn bytes(&self, pass: Pass) -> usize {
        let [x, w, y] = bytes(&self.shape, self.element).unwrap_or([usize::MAX; 3]);
        match pass {
            Pass::Forward => y,
            Pass::InputGradient => x,
            Pass::WeightGradient => w,
        }
    }
}

/// Bytes of input, weights and output; nothing if the machine cannot count them.
pub(super) fn bytes(shape: &Convolution, element: Element) -> Option<[usize; 3]> {
    let size = match element {
        Element::F32 => 4,
        Element::Bf16 => 2,
    };
    let product = |factors: [usize; 4]| {
        factors
            .iter()
            .try_fold(size, |product: usize, &factor| product.checked_mul(factor))
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
