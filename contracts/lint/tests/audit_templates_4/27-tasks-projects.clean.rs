// class: 8
// Right: work flows one way only, from tasks to projects; what changes in a project is noted in a log that has no rules.
#![cfg_attr(target_arch = "wasm32", no_std)]
use dadbs_sdk::prelude::*;

#[contract]
mod planner {
    use super::*;

    #[table(name = "projects")]
    struct Project {
        #[key(auto)]
        id: i64,
        lead: String,
        name: String,
        open_tasks: i64,
        revision: i64,
    }

    #[table(name = "tasks", index(project, id))]
    struct Task {
        #[key(auto)]
        id: i64,
        #[references("projects(id)")]
        project: i64,
        title: String,
        done: bool,
        revision: i64,
    }

    #[table(name = "log")]
    struct LogLine {
        #[key(auto)]
        id: i64,
        project: i64,
        line: String,
    }

    #[error]
    enum PlannerError {
        NotLead,
        NoProject,
        NoTask,
    }

    #[init]
    fn init() {}

    fn led(ctx: &Context, id: i64) -> Result<Project, Refusal> {
        let project = ctx.db.projects().get(id)?.ok_or(PlannerError::NoProject)?;
        if project.lead != ctx.caller {
            return Err(PlannerError::NotLead.into());
        }
        Ok(project)
    }

    #[call]
    fn begin(ctx: &Context, name: String) -> Result<i64, Refusal> {
        let lead = ctx.caller.clone();
        ctx.db.projects().insert(&Project { id: 0, lead, name, open_tasks: 0, revision: 0 })
    }

    #[call]
    fn rename(ctx: &Context, id: i64, name: String) -> Result<(), Refusal> {
        let project = Project { name, ..led(ctx, id)? };
        ctx.db.projects().update(&project)?;
        Ok(())
    }

    #[call]
    fn add_task(ctx: &Context, project: i64, title: String) -> Result<i64, Refusal> {
        let project = led(ctx, project)?.id;
        ctx.db.tasks().insert(&Task { id: 0, project, title, done: false, revision: 0 })
    }

    #[call]
    fn finish(ctx: &Context, id: i64) -> Result<(), Refusal> {
        let mut task = ctx.db.tasks().get(id)?.ok_or(PlannerError::NoTask)?;
        led(ctx, task.project)?;
        task.done = true;
        ctx.db.tasks().update(&task)?;
        Ok(())
    }

    fn count(project: i64, change: i64) -> Result<(), Refusal> {
        let changed = sql!(
            "UPDATE projects SET open_tasks = open_tasks + ?, revision = revision + 1 WHERE id = ?",
            change,
            project
        )?;
        if changed == 1 { Ok(()) } else { Err(PlannerError::NoProject.into()) }
    }

    #[on_insert(tasks)]
    fn task_added(added: &[Task]) -> Result<(), Refusal> {
        added.iter().try_for_each(|task| count(task.project, 1))
    }

    #[on_update(tasks)]
    fn task_changed(changed: &[Updated<Task>]) -> Result<(), Refusal> {
        for Updated { old, new } in changed {
            let change = i64::from(old.done) - i64::from(new.done);
            count(new.project, change)?;
        }
        Ok(())
    }

    #[on_update(projects)]
    fn project_changed(ctx: &Context, changed: &[Updated<Project>]) -> Result<(), Refusal> {
        for Updated { old, new } in changed.iter().filter(|pair| pair.old.name != pair.new.name) {
            let line = format!("{} is now {}", old.name, new.name);
            ctx.db.log().insert(&LogLine { id: 0, project: new.id, line })?;
        }
        Ok(())
    }

    #[view]
    fn tasks(project: i64) -> Result<Table, Refusal> {
        Ok(sql!("SELECT id, title, done FROM tasks WHERE project = ? ORDER BY id LIMIT 200", project)?)
    }
}
