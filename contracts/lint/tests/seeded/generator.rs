//! Makes contracts from templates: a faulty one and its clean twin from one seed.
//!
//! 1. `$kind1` is a name of that kind, another one for each number; the pools are below.
//! 2. `//@ any`, `//@ or`, `//@ end` choose one of the parts; `//@ faulty`, `//@ clean`, `//@ end` keep the part of
//!    the twin that is made. An `any` holds no twins.
//! 3. `//~` is a place for statements that mean nothing to the rules.
//! 4. Items come in a random order, bodies in random blocks, beside functions that have no fault.

/// Numbers that follow from a seed (xorshift).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).unwrap()
    }

    pub(crate) fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

const NOUNS: &[&str] = &[
    "order", "parcel", "ticket", "deal", "lease", "gift", "slot", "batch", "plot", "chart",
    "badge", "permit", "quota", "tally", "claim", "visit", "trip", "round", "panel", "draft",
    "recipe", "shelf", "vault", "ledger",
];
const OWNERS: &[&str] =
    &["owner", "holder", "keeper", "custodian", "landlord", "party", "subject", "proprietor"];
const TEXTS: &[&str] = &["label", "note", "title", "remark", "color", "caption", "story", "motto"];
const MONEY: &[&str] =
    &["amount", "balance", "price", "fee", "deposit", "reward", "total_paid", "stake_left"];
const TIMES: &[&str] = &["made_at", "changed_ms", "valid_until", "deadline"];
const MEASURES: &[&str] = &["temperature", "latitude", "humidity", "pressure", "speed"];
const VERBS: &[&str] = &[
    "open", "close", "take", "bring", "shift", "settle", "renew", "rename", "sweep", "collect",
    "grow", "trim",
];

fn upper(name: &str) -> String {
    let parts = name.split('_').map(|part| format!("{}{}", part[..1].to_uppercase(), &part[1..]));
    parts.collect()
}

/// Rule 1.
fn names(text: &str, random: &mut Random) -> String {
    let mut text = text.to_owned();
    let nouns: Vec<String> = (0..4).map(|_| random.pick(NOUNS).to_owned()).collect();
    for number in 1..=4 {
        let noun = format!("{}{}", nouns[number - 1], ["", "_x", "_y", "_z"][number - 1]);
        let verb = format!("{}_{}_{number}", random.pick(VERBS), random.pick(NOUNS));
        let money =
            format!("{}{}", random.pick(MONEY), ["", "_two", "_three", "_four"][number - 1]);
        for (kind, name) in [
            ("table", format!("{noun}s")),
            ("Row", upper(&noun)),
            ("owner", random.pick(OWNERS).to_owned()),
            ("text", format!("{}{}", random.pick(TEXTS), ["", "_b", "_c", "_d"][number - 1])),
            ("money", money),
            ("time", random.pick(TIMES).to_owned()),
            ("measure", random.pick(MEASURES).to_owned()),
            ("call", verb.clone()),
            ("help", format!("{}_inner", verb.replace('_', "_the_"))),
            ("CONST", format!("{}_MOST", noun.to_uppercase())),
        ] {
            text = text.replace(&format!("${kind}{number}"), &name);
        }
    }
    text
}

/// Rule 2.
fn choose(template: &str, faulty: bool, random: &mut Random) -> Vec<String> {
    let mut kept = Vec::new();
    // For each open directive: the chosen part, and the one that is read.
    let mut open: Vec<(usize, usize)> = Vec::new();
    let lines: Vec<&str> = template.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        match line.trim() {
            "//@ any" => {
                let mut depth = 0;
                let mut parts = 1;
                for line in &lines[at + 1..] {
                    match line.trim() {
                        "//@ any" => depth += 1,
                        "//@ or" if depth == 0 => parts += 1,
                        "//@ end" if depth == 0 => break,
                        "//@ end" => depth -= 1,
                        _ => {}
                    }
                }
                open.push((random.below(parts), 0));
            }
            "//@ or" => open.last_mut().unwrap().1 += 1,
            word @ ("//@ faulty" | "//@ clean") => {
                let part = usize::from(word == "//@ faulty") + 100;
                match open.last_mut() {
                    Some(last) if last.1 >= 100 => last.1 = part,
                    _ => open.push((usize::from(faulty) + 100, part)),
                }
            }
            "//@ end" => drop(open.pop().unwrap()),
            _ if open.iter().all(|(chosen, read)| chosen == read) => kept.push((*line).to_owned()),
            _ => {}
        }
    }
    kept
}

/// Rule 3.
fn noise(random: &mut Random, number: usize) -> String {
    let name = format!("{}_{number}", random.pick(TEXTS));
    match random.below(8) {
        0 => format!(
            "    let {name} = {};\n    log(if {name} > 3 {{ \"many\" }} else {{ \"few\" }});",
            random.below(9)
        ),
        1 => format!("    log(\"{name}\");"),
        2 => format!("    emit(\"{name}\", &[(\"step\", \"{number}\")]);"),
        3 => format!(
            "    let {name} = [1_i64, 2, 3].iter().sum::<i64>();\n    if {name} != 6 {{ abort(\"{name}\"); }}"
        ),
        4 => format!(
            "    for round in 0..{} {{ log(if round == 1 {{ \"{name}\" }} else {{ \"-\" }}); }}",
            2 + random.below(5)
        ),
        5 => "    // Nothing to see here.".into(),
        _ => String::new(),
    }
}

/// Functions and tables without faults.
const BESIDE: &[&str] = &[
    "/// Notes.\n#[table(name = \"side_notes\")]\nstruct SideNote {\n    #[key(auto)]\n    id: i64,\n    #[index]\n    author: String,\n    body: String,\n}\n#[call]\nfn side_note(ctx: &Context, body: String) -> Result<i64, Refusal> {\n    ctx.db.side_notes().insert(&SideNote { id: 0, author: ctx.caller.clone(), body })\n}\n#[call]\nfn forget_note(ctx: &Context, id: i64) -> Result<(), Refusal> {\n    let note = ctx.db.side_notes().get(id)?.ok_or_else(|| Refusal::new(\"no such note\"))?;\n    if note.author != ctx.caller { return Err(\"not yours\".into()); }\n    ctx.db.side_notes().delete(id)?;\n    Ok(())\n}\n",
    "#[view]\nfn now(ctx: &Context) -> i64 {\n    ctx.time_ms / 1_000\n}\n",
    "fn clamp_page(page: u32) -> u32 {\n    page.clamp(1, 50)\n}\n#[view]\nfn page_size(page: u32) -> u32 {\n    clamp_page(page)\n}\n",
    "/// Said hello.\n#[event]\nstruct Hello<'a> {\n    who: &'a str,\n}\n#[call]\nfn hello(ctx: &Context) {\n    Hello { who: &ctx.caller }.emit();\n}\n",
];

/// Rule 4: the items of a text whose items end with `}` or `;` in the first column.
fn items(lines: &[String]) -> Vec<String> {
    let mut items = vec![String::new()];
    for line in lines {
        let last = items.last_mut().unwrap();
        *last += line;
        *last += "\n";
        let one_line = line.starts_with("struct ")
            || line.starts_with("enum ")
            || line.starts_with("const ")
            || line.starts_with("fn ");
        if line == "}" || one_line && line.matches('{').count() == line.matches('}').count() {
            items.push(String::new());
        }
    }
    items
}

fn nested(item: String, random: &mut Random) -> String {
    let Some(open) = item.lines().position(|line| line.contains("fn ") && line.ends_with('{'))
    else {
        return item;
    };
    let lines: Vec<&str> = item.lines().collect();
    if *lines.last().unwrap() != "}" || !lines[open].contains("-> Result<") {
        return item;
    }
    let (before, after) = match random.below(6) {
        0 => ("    {", "    }"),
        1 if lines[open].contains("ctx: &Context") => {
            ("    if ctx.height < 0 { abort(\"before the first block\"); }", "")
        }
        2 => ("    let done = {", "    };\n    done"),
        3 => ("    if true {", "    } else {\n    Err(\"never\".into())\n    }"),
        _ => return item,
    };
    let mut out = lines[..=open].join("\n");
    let body = lines[open + 1..lines.len() - 1].join("\n");
    out.extend(["\n", before, "\n", &body, "\n", after, "\n}\n"]);
    out
}

/// The faulty contract or its clean twin.
pub(crate) fn make(template: &str, faulty: bool, seed: u64) -> String {
    // The twins share all but the fault: each step has numbers of its own.
    let step = |number: u64| Random((seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number << 40);
    let mut lines = choose(template, faulty, &mut step(1));
    let mut random = step(2);
    for (at, line) in lines.iter_mut().enumerate() {
        if line.trim() == "//~" {
            *line = noise(&mut random, at);
        }
    }
    let mut random = step(3);
    let mut parts: Vec<String> =
        items(&lines).into_iter().map(|item| nested(item, &mut random)).collect();
    for _ in 0..random.below(3) {
        let beside = BESIDE[random.below(BESIDE.len())].to_owned();
        if !parts.contains(&beside) {
            parts.push(beside);
        }
    }
    if !parts.iter().any(|part| part.contains("#[init]")) {
        parts.push("#[init]\nfn init() {}\n".into());
    }
    for at in (1..parts.len()).rev() {
        parts.swap(at, random.below(at + 1));
    }
    let body = names(&parts.concat(), &mut step(4));
    format!(
        "use dadbs_sdk::prelude::*;\n\n#[contract]\nmod generated {{\nuse super::*;\nuse dadbs_sdk::calls;\n\n{body}}}\n"
    )
}

/// An audit template with names of this seed: `__KIND<n>__` is replaced as plain text.
pub(crate) fn fill(template: &str, seed: u64) -> String {
    let mut random = Random((seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut text: String = template.lines().skip(1).collect::<Vec<_>>().join("\n");
    let mut used = std::collections::BTreeSet::new();
    for number in 1..=2 {
        for kind in ["TABLE", "STRUCT", "CALL", "FIELD", "HELPER", "VAR"] {
            let name = loop {
                let noun = random.pick(NOUNS);
                let name = match kind {
                    "TABLE" => format!("{noun}s"),
                    "STRUCT" => format!("{}Row", upper(noun)),
                    "CALL" => format!("{}_{noun}", random.pick(VERBS)),
                    "FIELD" => {
                        let pool = [NOUNS, TEXTS, MONEY][random.below(3)];
                        format!(
                            "{}_{}",
                            random.pick(pool),
                            random.pick(&["of", "at_hand", "q", "main"])
                        )
                    }
                    "HELPER" => format!("{}_{noun}_inner", random.pick(VERBS)),
                    _ => format!("{}_{noun}", random.pick(TEXTS)),
                };
                if used.insert(name.clone()) {
                    break name;
                }
            };
            text = text.replace(&format!("__{kind}{number}__"), &name);
        }
    }
    text + "\n"
}

/// A whole contract whose own functions, tables and rows have other names for each seed; seed 0 leaves it as it is.
pub(crate) fn rename(text: &str, seed: u64) -> String {
    if seed == 0 {
        return text.to_owned();
    }
    let random = &mut Random((seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let first = |rest: &str| rest.split(|c| !is_word(c)).next().unwrap_or_default().to_owned();
    // Names that the language, the SDK or other types have as well.
    let kept = [
        "init", "migrate", "open", "get", "take", "call", "view", "label", "from", "text", "names",
    ];
    let mut names = std::collections::BTreeMap::new();
    for (before, upper_case) in [(" fn ", false), ("name = \"", false), (" struct ", true)] {
        for rest in text.split(before).skip(1) {
            let name = first(rest);
            let ending = random.pick(NOUNS);
            if !kept.contains(&name.as_str()) && name.len() > 2 {
                let new = if upper_case {
                    format!("{name}{}", upper(ending))
                } else {
                    format!("{name}_{ending}")
                };
                names.entry(name).or_insert(new);
            }
        }
    }
    let mut out = String::new();
    let mut word = String::new();
    for c in text.chars().chain(['\n']) {
        if is_word(c) {
            word.push(c);
            continue;
        }
        out += names.get(&word).unwrap_or(&word);
        word.clear();
        out.push(c);
    }
    out
}
