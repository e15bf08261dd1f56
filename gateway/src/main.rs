//! `passerelle-gateway VERB --data DIR`: reads the command line, has the verb carried out, prints its answer.
//!
//! Exit codes: 0 done, 1 refused or failed, 2 usage. With `--json` standard output is one JSON object, refusals included
//! (`audit search` prints one object a record). Errors go to standard error.

mod arguments;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use passerelle_gateway::authority::TerminalKey;
use passerelle_gateway::config::Overrides;
use passerelle_gateway::control::carry_out;
use passerelle_gateway::init;
use passerelle_gateway::verbs::learn::Learn;
use passerelle_gateway::verbs::policy::Explain;
use passerelle_gateway::verbs::policy_preview::Question as Preview;
use passerelle_gateway::verbs::{self, Answer, Credentials, Request, Secret, read_secret, read_secrets};
use serde_json::json;

use arguments::{
    AccessVerb, Arguments, AuditVerb, By, CatalogueVerb, PersonVerb, PolicyVerb, Serve, StaffVerb,
    TerminalVerb, Verb,
};

/// Gives memory back: glibc keeps what each thread once used, and hashing one password takes 19 MiB.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let as_json = arguments.json;
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(as_json, &anyhow::Error::from(error).context("starting")),
    };
    match runtime.block_on(run(arguments)) {
        Ok(answer) => print(as_json, &answer),
        Err(error) => fail(as_json, &error),
    }
}

/// Standard output and error of one answer, and its exit code. A reader that went away is not our failure.
fn print(as_json: bool, answer: &Answer) -> ExitCode {
    let mut out = std::io::stdout().lock();
    if as_json && !answer.json.is_null() {
        let _ = writeln!(out, "{}", answer.json);
    } else if !as_json && !answer.text.is_empty() {
        let _ = writeln!(out, "{}", answer.text);
    }
    if !answer.error.is_empty() {
        eprintln!("passerelle-gateway: {}", answer.error);
    }
    ExitCode::from(answer.exit)
}

fn fail(as_json: bool, error: &anyhow::Error) -> ExitCode {
    let error: &(dyn std::error::Error + 'static) = error.as_ref();
    print(as_json, &Answer::failed(error))
}

async fn run(arguments: Arguments) -> anyhow::Result<Answer> {
    let data = arguments.data.as_deref();
    let overrides = Overrides::from_environment();
    match arguments.verb {
        Verb::Init { names } => initialise(needed(data), &names, &overrides).await,
        Verb::Serve(serve) => {
            log();
            verbs::serve::serve(needed(data), &listening(overrides, &serve)).await?;
            Ok(Answer::done("", serde_json::Value::Null))
        }
        Verb::Terminal(TerminalVerb::Enrol { name, out }) => {
            enrol(needed(data), &overrides, name.as_str(), &out).await
        }
        Verb::Policy(PolicyVerb::Check { file }) => Ok(verbs::policy::check(&file, &read(&file)?)),
        Verb::Policy(PolicyVerb::Explain(question)) => {
            let question = question.read()?;
            match question.stands_alone() {
                true => Ok(verbs::policy::explain_alone(&question)),
                false => Ok(carry_out(needed(data), &overrides, Request::PolicyExplain(question)).await?),
            }
        }
        Verb::Audit(AuditVerb::Verify { checkpoint }) => {
            Ok(verbs::audit::check(needed(data), checkpoint.as_deref())?)
        }
        Verb::Audit(AuditVerb::Search(query)) => {
            let mut out = std::io::BufWriter::new(std::io::stdout().lock());
            verbs::audit::find(needed(data), &overrides, query.into(), arguments.json, &mut out).await?;
            Ok(Answer::done("", serde_json::Value::Null))
        }
        Verb::Audit(AuditVerb::Export { session, out }) => {
            Ok(verbs::audit::export(needed(data), &overrides, &session, &out).await?)
        }
        Verb::Policy(PolicyVerb::Preview { file, days }) => {
            let question = |policy| {
                Ok(Request::PolicyPreview(Preview { policy, days, english: verbs::policy::in_english() }))
            };
            checked(needed(data), &overrides, &file, question).await
        }
        Verb::Policy(PolicyVerb::Import { form, path }) => {
            let mut notes = std::io::stderr();
            Ok(verbs::policy_import::import(form, &path, &mut notes)?)
        }
        Verb::Policy(PolicyVerb::Propose { file, comment, by }) => {
            let propose = |text| Ok(Request::PolicyPropose { text, comment, by: credentials(by)? });
            checked(needed(data), &overrides, &file, propose).await
        }
        verb => Ok(carry_out(needed(data), &overrides, request(verb)?).await?),
    }
}

/// To standard error, `RUST_LOG` says how much. Ours may be as talkative as asked, and name no person and no address; what other
/// libraries say below a warning may (a resolver its names, h2 its heads), so nobody can ask for it.
fn log() {
    use tracing::level_filters::LevelFilter;
    use tracing_subscriber::filter::{EnvFilter, FilterExt as _, filter_fn};
    use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
    use tracing_subscriber::util::SubscriberInitExt as _;
    let asked = EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    let ours =
        filter_fn(|said| said.target().starts_with("passerelle") || *said.level() <= LevelFilter::WARN);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    tracing_subscriber::registry().with(lines.with_filter(asked.and(ours))).init();
}

/// Has a verb on a policy file carried out if the file has no mistakes; its findings come first.
async fn checked(
    data: &Path,
    overrides: &Overrides,
    file: &Path,
    request: impl FnOnce(String) -> anyhow::Result<Request>,
) -> anyhow::Result<Answer> {
    let bytes = read(file)?;
    let checked = verbs::policy::check(file, &bytes);
    if checked.exit != 0 {
        return Ok(checked);
    }
    let text = String::from_utf8(bytes).context("a checked policy is UTF-8")?;
    let mut answer = carry_out(data, overrides, request(text)?).await?;
    if answer.exit == 0 {
        answer.text = format!("{}\n{}", checked.text, answer.text);
        answer.json["findings"] = checked.json["findings"].clone();
    }
    Ok(answer)
}

/// The request of every verb that the gateway alone carries out.
fn request(verb: Verb) -> anyhow::Result<Request> {
    Ok(match verb {
        Verb::Terminal(TerminalVerb::Invite { name }) => Request::TerminalInvite { name: name.to_string() },
        Verb::Terminal(TerminalVerb::Revoke { name }) => Request::TerminalRevoke { name: name.to_string() },
        Verb::Terminal(TerminalVerb::List) => Request::TerminalList,
        Verb::Person(PersonVerb::Add { id, name, groups, trio, .. }) => Request::PersonAdd {
            id: id.to_string(),
            name,
            groups: groups.iter().map(ToString::to_string).collect(),
            trio: trio.iter().map(ToString::to_string).collect(),
            pin: secret()?,
        },
        Verb::Person(PersonVerb::List) => Request::PersonList,
        Verb::Person(PersonVerb::Pin { id, .. }) => Request::PersonPin { id: id.to_string(), pin: secret()? },
        Verb::Person(PersonVerb::Lock { id }) => Request::PersonLock { id: id.to_string() },
        Verb::Person(PersonVerb::Unlock { id }) => Request::PersonUnlock { id: id.to_string() },
        Verb::Person(PersonVerb::Release { id }) => Request::PersonRelease { id: id.to_string() },
        Verb::Staff(StaffVerb::Add { login, role, .. }) => {
            Request::StaffAdd { login: login.to_string(), role, password: secret()? }
        }
        Verb::Staff(StaffVerb::Password { login, .. }) => {
            let [old, new] = read_secrets(std::io::stdin().lock())
                .context("reading the two passwords from standard input")?;
            Request::StaffPassword { login: login.to_string(), old, new }
        }
        Verb::Staff(StaffVerb::List) => Request::StaffList,
        Verb::Policy(PolicyVerb::Sign { version, by }) => {
            Request::PolicySign { version, by: credentials(by)? }
        }
        Verb::Policy(PolicyVerb::Refuse { host, by }) => Request::PolicyRefuse { host, by: credentials(by)? },
        Verb::Policy(PolicyVerb::Show { version }) => Request::PolicyShow { version },
        Verb::Policy(PolicyVerb::History) => Request::PolicyHistory,
        Verb::Policy(PolicyVerb::Learn { person, hosts, minutes, service, name, category, by }) => {
            let asked = Learn { person: person.to_string(), hosts, minutes, service, name, category };
            Request::PolicyLearn { asked, by: credentials(by)? }
        }
        Verb::Policy(PolicyVerb::Learnt { person, by }) => {
            Request::PolicyLearnt { person: person.to_string(), by: credentials(by)? }
        }
        Verb::Access(AccessVerb::Stop { group, by }) => {
            Request::AccessStop { group: group.map(|group| group.to_string()), by: credentials(by)? }
        }
        Verb::Access(AccessVerb::Resume { group, by }) => {
            Request::AccessResume { group: group.map(|group| group.to_string()), by: credentials(by)? }
        }
        Verb::Catalogue(CatalogueVerb::Add(add)) => Request::CatalogueAdd(verbs::catalogue::Add {
            // The gateway that reads them may run elsewhere.
            paths: add.paths.iter().map(std::path::absolute).collect::<Result<_, _>>()?,
            title: add.title,
            language: add.language,
            trade: add.trade,
            level: add.level,
        }),
        Verb::Catalogue(CatalogueVerb::List) => Request::CatalogueList,
        Verb::Catalogue(CatalogueVerb::Search { query }) => Request::CatalogueSearch { query },
        Verb::Catalogue(CatalogueVerb::Remove { id }) => Request::CatalogueRemove { id },
        Verb::Init { .. }
        | Verb::Serve(_)
        | Verb::Audit(_)
        | Verb::Terminal(TerminalVerb::Enrol { .. })
        | Verb::Policy(
            PolicyVerb::Check { .. }
            | PolicyVerb::Propose { .. }
            | PolicyVerb::Preview { .. }
            | PolicyVerb::Import { .. }
            | PolicyVerb::Explain(_),
        ) => {
            unreachable!("`run` carries these out itself")
        }
    })
}

async fn initialise(data: &Path, names: &[String], overrides: &Overrides) -> anyhow::Result<Answer> {
    let made = init::init(data, names, overrides).await?;
    let (login, password) = (made.login.to_string(), made.one_time_password.as_str());
    let text = format!(
        "Gateway ready in {}, for {}.\nFirst administrator: {login}\nOne-time password:   {password}\nNext: passerelle-gateway serve --data {}",
        data.display(),
        made.names.join(", "),
        data.display()
    );
    Ok(Answer::done(text, json!({ "login": login, "one_time_password": password, "names": made.names })))
}

async fn enrol(data: &Path, overrides: &Overrides, name: &str, out: &Path) -> anyhow::Result<Answer> {
    let writing = || format!("writing {}", out.display());
    // Before the terminal is enrolled: a folder that can't be made must not cost the terminal its certificate.
    verbs::terminal::create_folder(out).with_context(writing)?;
    let key = TerminalKey::generate()?;
    let request = Request::TerminalEnrol { name: name.to_owned(), csr: key.request.clone() };
    let mut answer = carry_out(data, overrides, request).await?;
    if answer.exit == 0 {
        verbs::terminal::write_enrolment(out, &key, &answer.json).with_context(writing)?;
        let (folder, gateway) = (out.display().to_string(), answer.json["gateway"].clone());
        answer.text = format!(
            "Terminal {name} is enrolled. Take {folder} to the terminal (it holds its key), then:\n  passerelle-kiosk --enrolment {folder}"
        );
        answer.json = json!({ "terminal": name, "folder": folder, "gateway": gateway });
    }
    Ok(answer)
}

fn listening(overrides: Overrides, serve: &Serve) -> Overrides {
    overrides
        .flag("--terminal-listen", "listen", "terminal", serve.terminal_listen.as_ref())
        .flag("--staff-listen", "listen", "staff", serve.staff_listen.as_ref())
        .flag("--metrics-listen", "listen", "metrics", serve.metrics_listen.as_ref())
}

fn read_text(file: &Path) -> anyhow::Result<String> {
    String::from_utf8(read(file)?).with_context(|| format!("reading {}: not UTF-8", file.display()))
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("reading {}", file.display()))
}

fn secret() -> anyhow::Result<Secret> {
    read_secret(std::io::stdin().lock()).context("reading the PIN or password from standard input")
}

fn credentials(by: By) -> anyhow::Result<Credentials> {
    Ok(Credentials { login: by.by.to_string(), password: secret()? })
}

/// The data folder, which every verb but `policy check`, `policy import` and `policy explain --policy` needs: exit 2 without.
fn needed(data: Option<&Path>) -> &Path {
    use clap::CommandFactory;
    data.unwrap_or_else(|| {
        let missing = clap::error::ErrorKind::MissingRequiredArgument;
        Arguments::command().error(missing, "the data folder is needed: --data DIR").exit()
    })
}

impl arguments::Explain {
    fn read(self) -> anyhow::Result<Explain> {
        Ok(Explain {
            policy: self.policy.as_deref().map(read_text).transpose()?,
            url: self.url,
            method: self.method,
            person: self.person.map(|person| person.to_string()),
            groups: self.groups.iter().map(ToString::to_string).collect(),
            at: self.at,
            destination: self.destination,
            from_page: self.from_page,
            english: verbs::policy::in_english(),
        })
    }
}
