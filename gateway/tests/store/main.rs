//! The rules of the state, each on both databases; time is an argument, so nothing here sleeps.
#![allow(clippy::unwrap_used)]

mod attempts;
mod damage;
mod databases;
mod keys;
mod minutes;
mod people;
mod policies;
mod progress;
mod requests;
mod second_factors;
mod sessions;
#[path = "../../../tests/src/skip.rs"]
mod skip;
mod staff;
mod stops;
mod terminals;

use databases::{Cluster, Place};

/// Runs every check in a fresh database of its own: on SQLite one test each, on PostgreSQL in one cluster.
macro_rules! checks {
    ($($module:ident: $($name:ident),+;)+) => {
        mod on_sqlite {
            $(mod $module {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    crate::$module::$name(crate::Place::sqlite()).await;
                })+
            })+
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn on_postgres() {
            let Some(cluster) = Cluster::start_or_skip() else { return };
            $($(
                println!("on PostgreSQL: {} {}", stringify!($module), stringify!($name));
                $module::$name(cluster.place(concat!(stringify!($module), "_", stringify!($name)))).await;
            )+)+
        }
    };
}

checks! {
    attempts: waits_grow_after_three_wrong_pins, other_terminals_wait_less_than_half_a_minute,
        unknown_persons_wait_alike, a_restart_keeps_waits, parallel_tries_gain_nothing, a_day_forgets, unknown_persons_are_bounded;
    keys: a_key_is_of_one_subject_and_month, destroyed_keys_stay_destroyed, months_are_destroyed_whole, parallel_first_uses_share_a_key;
    minutes: a_minute_is_charged_once, a_restart_keeps_minutes, the_last_minute_is_charged_to_one_only,
        two_gateways_share_one_limit, a_damaged_day_allows_nothing_new, the_largest_limit_is_every_minute;
    people: are_added_and_listed, forms_are_checked, locked_and_released, pins_are_changed, staff_set_pins_groups_and_trio, grants_lapse;
    policies: two_sign_or_one, roles_and_hands, stale_proposals_are_superseded, refusing_narrows, refusing_takes_any_published_policy,
        the_last_signature_publishes_once, nothing_published_is_an_error, another_gateway_publishes;
    progress: is_kept_per_person_and_item, late_places_change_nothing, items_and_people_are_forgotten, a_restart_keeps_places;
    requests: are_asked_and_answered, limits_hold;
    second_factors: a_code_counts_once, parallel_uses_of_a_code_admit_one, the_sign_in_before_is_told;
    sessions: begin_and_are_found, a_second_sign_in_ends_the_first, two_at_once_leave_one, expire_on_time,
        end_by_person_terminal_group_and_all, a_restart_ends_them, another_gateway_ends_them, remember_pages, are_told_afterwards,
        a_broken_store_refuses, old_history_is_forgotten;
    staff: roles_and_passwords, roles_change_and_an_administrator_stays, the_first_administrator, a_password_is_changed_by_who_knows_it, wrong_passwords_wait;
    stops: stop_and_resume, outlive_a_restart;
    terminals: a_code_is_good_once, codes_run_out, enrolling_again_replaces, revoked_is_refused, seen_is_throttled;
}
