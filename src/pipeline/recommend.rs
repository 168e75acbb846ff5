//! A list for a user, out of a view: score, leave out, keep the best.

use super::facts::RecommendRequest;
use super::view::View;
use crate::event::{Id, ListedItem, Time};
use crate::learn::{Context, RECENT, Slot};

/// The best items of an arm's model, best first; ties go to the smaller id, so that slots never show.
pub(super) fn recommend(view: &View, request: &RecommendRequest<'_>) -> Vec<ListedItem> {
    let Some(model) = view.models.iter().find(|m| m.kind == request.arm) else { return Vec::new() };
    let directory = &view.directory;
    let user_id = Id::of(request.user_id);
    let user = directory.user(user_id);
    let recent = recent_of(view, request, user);
    let context = Context { user, user_id, recent: &recent, time: Time(view.counts.log_time) };
    let slots = |ids: &[String]| ids.iter().filter_map(|i| directory.item(Id::of(i))).collect::<Vec<Slot>>();

    let (items, mut scores): (Vec<Slot>, Vec<f32>) = match request.candidates {
        Some(ids) => {
            let mut items = slots(ids);
            items.sort_unstable();
            items.dedup();
            let mut scores = vec![0.0; items.len()];
            model.model.score(&context, &items, &mut scores);
            (items, scores)
        }
        None => {
            let mut scores = vec![0.0; directory.items()];
            model.model.score_all(&context, &mut scores);
            ((0..directory.items() as Slot).collect(), scores)
        }
    };
    let mut left_out = slots(request.exclude);
    if let (false, Some(user)) = (request.repeat, user) {
        left_out.extend(directory.consumed(user));
    }
    left_out.sort_unstable();
    for (item, score) in items.iter().zip(&mut scores) {
        if !directory.available(*item) || left_out.binary_search(item).is_ok() || !score.is_finite() {
            *score = f32::NEG_INFINITY;
        }
    }
    best(view, &items, &scores, request.k)
}

/// Items of this session before what the log tells, each once, at most [`RECENT`].
fn recent_of(view: &View, request: &RecommendRequest<'_>, user: Option<Slot>) -> Vec<Slot> {
    let mut recent: Vec<Slot> =
        request.recent.iter().take(RECENT).filter_map(|i| view.directory.item(Id::of(i))).collect();
    if let Some(user) = user {
        let mut logged = Vec::with_capacity(RECENT);
        view.directory.recent(user, &mut logged);
        for slot in logged {
            if recent.len() < RECENT && !recent.contains(&slot) {
                recent.push(slot);
            }
        }
    }
    recent
}

/// The `k` best that are not left out.
fn best(view: &View, items: &[Slot], scores: &[f32], k: usize) -> Vec<ListedItem> {
    let mut order: Vec<usize> = (0..items.len()).filter(|&i| scores[i] > f32::NEG_INFINITY).collect();
    let compare = |&a: &usize, &b: &usize| {
        let id = |i: usize| view.directory.item_id(items[i]);
        scores[b].total_cmp(&scores[a]).then_with(|| id(a).cmp(&id(b)))
    };
    if order.len() > k && k > 0 {
        order.select_nth_unstable_by(k - 1, compare);
    }
    order.truncate(k);
    order.sort_by(compare);
    let list = order.into_iter().zip(1..).map(|(i, rank)| ListedItem {
        item_id: view.directory.item_name(items[i]),
        score: f64::from(scores[i]),
        rank,
    });
    list.collect()
}
