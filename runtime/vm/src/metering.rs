//! Where gas is charged: the basic blocks of a function, their cost, and its stack frame.
//!
//! 1. A function's reachable operators are cut into *segments*: straight runs that are entered only at
//!    the top. A segment is charged as a whole when it is entered; gas is the sum over entered segments,
//!    so a trap in the middle of a segment has paid for all of it, and nothing is lost.
//! 2. A segment starts at the function's entry, at a loop's head, behind `if` and `else`, behind an
//!    `end` that several paths reach, behind `br_if`, and behind `memory.grow`, which changes what the
//!    loads and stores behind it cost.
//! 3. Charging subtracts; only *checked* segments then look whether gas is left: the function's entry,
//!    loop heads, and on every path the first segment that starts after a call. So what runs after gas
//!    is exhausted is at most one path through one function without a loop, or that limit of operators.
//!    Host calls check too, so nothing outside the instance happens without gas.
//! 4. Code that cannot be reached is not charged and not counted.
//! 5. A frame is 64 bytes, 8 for each local and operand, one for every 8 operators, one for every 16
//!    blocks x locals. The last two bound what a compiler may spill beyond the operands: every operator
//!    and every local at a join makes at most two values of at most 16 bytes, so native frames are at
//!    most [`NATIVE_PER_LOGICAL`] times as large.

use dadbs_types::limits;
use wasmparser::{FuncValidator, FunctionBody, Operator, ValidatorResources};

use crate::operators;

/// Native stack bytes that one byte of logical stack may stand for (rule 5).
pub(crate) const NATIVE_PER_LOGICAL: usize = 256;

/// A run of operators that is charged at once (rule 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    /// The index of the operator before which the charge stands.
    pub(crate) at: u32,
    /// The weights of its operators.
    pub(crate) cost: u64,
    /// Its loads and stores, which cost by the size of the memory besides.
    pub(crate) accesses: u32,
    /// True if it looks whether gas is left (rule 3).
    pub(crate) checked: bool,
}

/// What metering needs to know of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Body {
    /// The segments in the order of the code.
    pub(crate) segments: Vec<Segment>,
    /// Operators, reachable or not.
    pub(crate) operators: u32,
    /// Parameters and locals.
    pub(crate) locals: u32,
    /// The deepest loop nesting.
    pub(crate) loop_nesting: u32,
    /// Logical stack of one call (rule 5).
    pub(crate) frame: u32,
    /// True if it calls functions, host functions included.
    pub(crate) calls: bool,
    /// Targets of all `br_table`: each is an edge that may carry every local.
    pub(crate) targets: u32,
    /// Operators with a dynamic price.
    pub(crate) dynamic: u32,
    /// Float operators that may make a NaN.
    pub(crate) floats: u32,
}

impl Body {
    /// Basic blocks, as limits count them: segments, targets of `br_table`, checks before operators, and
    /// float operators, whose NaNs are made canonical by a comparison and a selection each.
    pub(crate) fn blocks(&self) -> u32 {
        let segments = u32::try_from(self.segments.len());
        segments.expect("segments are fewer than operators, a u32")
            + self.targets
            + self.dynamic
            + self.floats
    }

    /// What the register allocator has to look at.
    pub(crate) fn block_locals(&self) -> u64 {
        u64::from(self.blocks()) * u64::from(self.locals)
    }
}

/// Why a function is refused.
#[derive(Debug)]
pub(crate) enum Refused {
    /// It is not valid: the parser's words.
    Invalid(wasmparser::Error),
    /// It is over a limit: which, and how much it has.
    Limit(&'static str, u64, u64),
    /// It uses an operator that contracts may not use.
    Operator(String),
}

impl From<wasmparser::Error> for Refused {
    fn from(error: wasmparser::Error) -> Refused {
        Refused::Invalid(error)
    }
}

/// Whether limits are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limits {
    /// The module is to be stored.
    Checked,
    /// The module was stored under the limits of its time, which may have been others.
    Passed,
}

impl Limits {
    fn at_most(self, name: &'static str, value: u64, max: u64) -> Result<(), Refused> {
        if self == Limits::Checked && value > max {
            return Err(Refused::Limit(name, value, max));
        }
        Ok(())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Function,
    Block,
    Loop,
    If,
    Else,
}

/// An open block.
#[expect(clippy::struct_excessive_bools)] // five independent facts of a path
struct Frame {
    kind: Kind,
    /// True if the block itself can be reached.
    live: bool,
    /// True if a reachable branch leads to its end.
    branched: bool,
    /// For `else`: true if the first arm reaches the end.
    then_live: bool,
    /// `pending` where an `if` splits.
    pending_at_start: bool,
    /// True if a path leads to the end on which a call has not been followed by a check.
    pending_at_end: bool,
}

/// Follows the structure of one function (rules 2 and 3).
struct Walk {
    frames: Vec<Frame>,
    segments: Vec<Segment>,
    live: bool,
    /// True if a call may have returned since the last check.
    pending: bool,
    imports: u32,
    calls: bool,
    targets: u32,
    limits: Limits,
}

impl Walk {
    fn new(imports: u32, limits: Limits) -> Walk {
        let mut walk = Walk {
            limits,
            frames: Vec::new(),
            segments: Vec::new(),
            live: true,
            pending: false,
            imports,
            calls: false,
            targets: 0,
        };
        walk.open(Kind::Function);
        walk.start(0, true);
        walk
    }

    fn open(&mut self, kind: Kind) {
        self.frames.push(Frame {
            kind,
            live: self.live,
            branched: false,
            then_live: false,
            pending_at_start: self.pending,
            pending_at_end: false,
        });
    }

    fn start(&mut self, at: u32, checked: bool) {
        if self.live {
            let checked = checked || self.pending;
            self.pending = false;
            self.segments.push(Segment { at, cost: 0, accesses: 0, checked });
        }
    }

    fn branch(&mut self, depth: u32) {
        if !self.live {
            return;
        }
        let pending = self.pending;
        let target = self.frames.len().checked_sub(1 + depth as usize);
        // The validator has accepted the depth; a loop's head is always checked.
        if let Some(frame) = target.and_then(|index| self.frames.get_mut(index))
            && frame.kind != Kind::Loop
        {
            frame.branched = true;
            frame.pending_at_end |= pending;
        }
    }

    fn otherwise(&mut self, next: u32) {
        let Some(frame) = self.frames.last_mut() else { return };
        frame.kind = Kind::Else;
        frame.then_live = self.live;
        frame.pending_at_end |= self.live && self.pending;
        self.live = frame.live;
        self.pending = frame.pending_at_start;
        self.start(next, false);
    }

    fn close(&mut self, next: u32) {
        let Some(frame) = self.frames.pop() else { return };
        let (reached, join) = match frame.kind {
            Kind::Function => return,
            Kind::Block => (self.live || frame.branched, frame.branched),
            // Code behind a loop runs once, code inside many times.
            Kind::Loop => (self.live, true),
            Kind::If => (true, true),
            Kind::Else => (self.live || frame.then_live || frame.branched, true),
        };
        let skipped = frame.kind == Kind::If && frame.pending_at_start;
        self.pending = (self.live && self.pending) || frame.pending_at_end || skipped;
        self.live = frame.live && reached;
        if join {
            self.start(next, false);
        }
    }

    /// Accounts for the operator with this index.
    fn operator(
        &mut self,
        index: u32,
        operator: &Operator<'_>,
        weight: u64,
    ) -> Result<(), Refused> {
        let next = index + 1;
        if self.live
            && let Some(segment) = self.segments.last_mut()
        {
            segment.cost += weight;
            segment.accesses += u32::from(operators::accesses_memory(operator));
        }
        match operator {
            Operator::Block { .. } => self.open(Kind::Block),
            Operator::Loop { .. } => {
                self.open(Kind::Loop);
                self.start(next, true);
            }
            Operator::If { .. } => {
                self.open(Kind::If);
                self.start(next, false);
            }
            Operator::Else => self.otherwise(next),
            Operator::End => self.close(next),
            Operator::Br { relative_depth } => {
                self.branch(*relative_depth);
                self.live = false;
            }
            Operator::BrIf { relative_depth } => {
                self.branch(*relative_depth);
                self.start(next, false);
            }
            Operator::BrTable { targets } => {
                let max = u64::from(limits::WASM_BRANCH_TABLE_MAX);
                self.limits.at_most("WASM_BRANCH_TABLE_MAX", u64::from(targets.len()), max)?;
                self.targets += targets.len();
                self.branch(targets.default());
                for target in targets.targets() {
                    self.branch(target?);
                }
                self.live = false;
            }
            Operator::Return | Operator::Unreachable => self.live = false,
            Operator::MemoryGrow { .. } => self.start(next, false),
            // The host looks at the gas itself.
            Operator::Call { function_index } if *function_index < self.imports => {
                self.calls = true;
            }
            Operator::Call { .. } | Operator::CallIndirect { .. } => {
                self.pending = true;
                self.calls = true;
            }
            _ => {}
        }
        let nesting = self.frames.len() as u64;
        let max = 1 + limits::WASM_BLOCK_NESTING_MAX as u64;
        self.limits.at_most("WASM_BLOCK_NESTING_MAX", nesting, max)
    }

    fn loop_nesting(&self) -> u32 {
        let loops = self.frames.iter().filter(|frame| frame.kind == Kind::Loop).count();
        u32::try_from(loops).expect("nesting is at most WASM_BLOCK_NESTING_MAX")
    }
}

/// Validates a function and finds its segments, frame and sizes, inside the limits of one function.
/// `imports` is the number of imported functions.
pub(crate) fn analyse(
    validator: &mut FuncValidator<ValidatorResources>,
    body: &FunctionBody<'_>,
    imports: u32,
    checked: Limits,
) -> Result<Body, Refused> {
    let bytes = body.as_bytes().len() as u64;
    checked.at_most("WASM_BODY_BYTES_MAX", bytes, limits::WASM_BODY_BYTES_MAX as u64)?;
    let locals_max = u64::from(limits::WASM_LOCALS_MAX);
    for group in body.get_locals_reader()? {
        checked.at_most("WASM_LOCALS_MAX", u64::from(group?.0), locals_max)?;
    }
    let mut reader = body.get_binary_reader();
    validator.read_locals(&mut reader)?;
    let locals = validator.len_locals();
    checked.at_most("WASM_LOCALS_MAX", u64::from(locals), locals_max)?;

    let mut walk = Walk::new(imports, checked);
    let (mut index, mut height, mut loop_nesting) = (0u32, 0u32, 0u32);
    let (mut dynamic, mut floats) = (0u32, 0u32);
    let mut operators = body.get_operators_reader()?;
    while !operators.eof() {
        let (operator, offset) = operators.read_with_offset()?;
        validator.op(offset, &operator)?;
        let Some(weight) = operators::weight(&operator) else {
            let name = format!("{operator:?}");
            let name = name.split([' ', '{', '(']).next().unwrap_or_default();
            let text = format!("{name} ({}) at offset {offset}", operators::group(&operator));
            return Err(Refused::Operator(text));
        };
        checked.at_most(
            "WASM_BODY_OPERATORS_MAX",
            u64::from(index) + 1,
            u64::from(limits::WASM_BODY_OPERATORS_MAX),
        )?;
        walk.operator(index, &operator, weight)?;
        dynamic += u32::from(operators::dynamic(&operator).is_some());
        floats += u32::from(operators::makes_nan(&operator));
        if matches!(operator, Operator::Loop { .. }) {
            loop_nesting = loop_nesting.max(walk.loop_nesting());
            checked.at_most(
                "WASM_LOOP_NESTING_MAX",
                u64::from(loop_nesting),
                u64::from(limits::WASM_LOOP_NESTING_MAX),
            )?;
        }
        height = height.max(validator.operand_stack_height());
        index += 1;
    }
    operators.finish()?;
    let mut body = Body {
        segments: walk.segments,
        operators: index,
        locals,
        loop_nesting,
        frame: 0,
        calls: walk.calls,
        targets: walk.targets,
        dynamic,
        floats,
    };
    checked.at_most(
        "WASM_BLOCKS_MAX",
        u64::from(body.blocks()),
        u64::from(limits::WASM_BLOCKS_MAX),
    )?;
    checked.at_most("WASM_BLOCK_LOCALS_MAX", body.block_locals(), limits::WASM_BLOCK_LOCALS_MAX)?;
    body.frame = frame(&body, height);
    Ok(body)
}

/// Rule 5.
fn frame(body: &Body, height: u32) -> u32 {
    let values = u64::from(body.locals) + u64::from(height);
    let bytes = 64 + 8 * values + u64::from(body.operators) / 8 + body.block_locals() / 16;
    u32::try_from(bytes).expect("operators, locals and blocks are limited above")
}
