//! convcheck checks what is written about the classical convolutional networks.
//!
//! It describes every documented network once, as a graph of layers, computes what follows from the
//! description, and judges every documented claim by it.
//!
//! # Reading order
//!
//! | module | answers |
//! |---|---|
//! | [`digest`](mod@digest) | what is a thing called by what it holds? |
//! | [`file`](mod@file) | how are files found and read, and written so that they are complete or absent? |
//! | [`visible`] | how does a stranger's text stand where somebody reads it? |
//! | [`seal`](mod@seal) | is a line of a record as it was written? |
//! | [`graph`] | what is a network, before there are numbers in it? |
//! | [`claim`] | what does the document say, and how would one find out? |
//! | [`random`] | which number stands at this place under this key? |
//! | [`nearest`](mod@nearest) | which names are like a misspelt one? |
//! | [`document`] | what is the text, and what does a report show beside its claims? |
//! | [`stats`] | what do a few numbers say about the many that they stand for? |
//! | [`zoo`] | which networks are there? |
//! | [`analysis`] | what follows from a graph by counting? |
//! | [`drawing`] | how does a network look? |
//! | [`reference`](mod@reference) | does the zoo agree with an independent description? |
//! | [`device`] | which machine is this? |
//! | [`allocator`] | what becomes of memory that a step frees? |
//! | [`ops`] | what do the layers compute, forward and backward? |
//! | [`net`] | what does a network compute with these weights? |
//! | [`data`] | which images are there? |
//! | [`difference`] | in what do two networks differ? |
//! | [`cpu`] | what does a network predict, as a planned program? |
//! | [`run`] | what does a network say to these inputs? |
//! | [`train`] | how does a network learn? |
//! | [`gpu`] | what does a network compute on a GPU? |
//! | [`bench`](mod@bench) | what does a step cost, in seconds? |
//! | [`experiment`] | what is to be trained, and what would decide? |
//! | [`evidence`] | what can be found out about a claim here? |
//! | [`verdict`] | what follows from the evidence? |
//! | [`record`] | what was found, in a form that outlives the run? |
//! | [`check`](mod@check) | check all claims |
//! | [`compare`](mod@compare) | what changed between two records? |
//! | [`report`] | show what was found |
//! | [`project`] | which texts are checked here, and what has their author added? |
//! | [`pipeline`] | what is done, in which order, when nothing else is asked? |
//!
//! Imports go from later rows to earlier ones only.

pub mod allocator;
pub mod analysis;
mod arena;
pub mod bench;
pub mod check;
pub mod claim;
pub mod compare;
pub mod cpu;
pub mod data;
pub mod device;
pub mod difference;
pub mod digest;
pub mod document;
pub mod drawing;
pub mod evidence;
pub mod experiment;
pub mod few;
pub mod file;
pub mod foreign;
pub mod gpu;
pub mod graph;
pub mod nearest;
pub mod net;
pub mod ops;
pub mod pipeline;
pub mod project;
pub mod random;
pub mod record;
pub mod reference;
pub mod report;
pub mod run;
pub mod seal;
pub mod stats;
pub mod train;
pub mod verdict;
pub mod visible;
pub mod zoo;
