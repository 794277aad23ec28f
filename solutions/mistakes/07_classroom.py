"""Known mistakes of 07_classroom: each must fail, with a message that names it."""

import numpy as np

from fedteach.authoring import mistake

# ---- 7.1 ------------------------------------------------------------------------------------------------------------


def count(rounds, down_bytes, up_bytes, megabits_per_s, n_down=len, n_up=None, bits=8):
    """Count the traffic of a class, with something else in the place of a part."""
    n_up = n_up or (lambda asked, lost: len(asked) - len(lost))
    down = down_bytes * sum(n_down(asked) for asked, lost in rounds)
    up = up_bytes * sum(n_up(asked, lost) for asked, lost in rounds)
    return {"down": down, "up": up, "seconds": (down + up) * bits / (megabits_per_s * 1e6)}


@mistake("7.1", says="had been sent the weights all the same")
def lets_the_lost_download_nothing(rounds, weights_bytes, update_bytes, megabits_per_s):
    return count([([c for c in a if c not in lost], {}) for a, lost in rounds], weights_bytes, update_bytes, 8.0)


@mistake("7.1", says="no update has come up")
def lets_the_lost_upload(rounds, weights_bytes, update_bytes, megabits_per_s):
    return count(rounds, weights_bytes, update_bytes, megabits_per_s, n_up=lambda asked, lost: len(asked))


@mistake("7.1", says="a byte has 8 of them")
def takes_bits_for_bytes(rounds, weights_bytes, update_bytes, megabits_per_s):
    return count(rounds, weights_bytes, update_bytes, megabits_per_s, bits=1)


@mistake("7.1", says="down and up have changed places")
def turns_the_ways_round(rounds, weights_bytes, update_bytes, megabits_per_s):
    right = count(rounds, weights_bytes, update_bytes, megabits_per_s)
    return right | {"down": right["up"], "up": right["down"]}


@mistake("7.1", says="does `return` stand inside the loop?")
def returns_after_the_first_round(rounds, weights_bytes, update_bytes, megabits_per_s):
    for asked, lost in rounds:
        return count([(asked, lost)], weights_bytes, update_bytes, megabits_per_s)


@mistake("7.1", says="each client gets one")
def sends_one_message_a_round(rounds, weights_bytes, update_bytes, megabits_per_s):
    return count(rounds, weights_bytes, update_bytes, megabits_per_s, n_down=lambda asked: 1)


@mistake("7.1", says="every round counts the same here")
def asks_the_same_clients_every_round(rounds, weights_bytes, update_bytes, megabits_per_s):
    as_if = [(rounds[0][0], lost) for asked, lost in rounds]
    return count(as_if, weights_bytes, update_bytes, megabits_per_s)


@mistake("7.1", says="division by zero")
def divides_by_the_number_of_messages(rounds, weights_bytes, update_bytes, megabits_per_s):
    right = count(rounds, weights_bytes, update_bytes, megabits_per_s)
    n_messages = sum(2 * len(asked) - len(lost) for asked, lost in rounds)
    mean = (right["down"] + right["up"]) / n_messages
    return right | {"seconds": n_messages * mean * 8 / (megabits_per_s * 1e6)}


# ---- 7.2 ------------------------------------------------------------------------------------------------------------


def close(asked, arrivals, window_s, enough, *, late=None, known=None, stop=None, order=None, why="not needed"):
    """End a round as one should, but for one thing."""
    late = late or (lambda seconds: seconds > window_s)
    stop = stop or (lambda answers: len(answers) >= enough)
    answers, end_s, reason = {}, window_s, "late"
    for seconds, client, update in arrivals:
        if late(seconds):
            break
        if known(client) if known else client in asked:
            answers.setdefault(client, update)
        if stop(answers):
            end_s, reason = seconds, why
            break
    updates = [answers[client] for client in (order(answers) if order else asked) if client in answers]
    return updates, {client: reason for client in asked if client not in answers}, end_s


@mistake("7.2", says="go through `asked` to bring them into its order")
def leaves_them_as_they_came(asked, arrivals, window_s, enough):
    return close(asked, arrivals, window_s, enough, order=lambda answers: answers)


@mistake("7.2", says="the round goes on although enough have answered")
def waits_for_everybody(asked, arrivals, window_s, enough):
    return close(asked, arrivals, window_s, enough, stop=lambda answers: len(answers) == len(asked))


@mistake("7.2", says="only what comes *after* it is late")
def refuses_the_last_moment(asked, arrivals, window_s, enough):
    return close(asked, arrivals, window_s, enough, late=lambda seconds: seconds >= window_s)


@mistake("7.2", says="an answer after the window counts")
def forgets_the_window(asked, arrivals, window_s, enough):
    return close(asked, arrivals, window_s, enough, late=lambda seconds: False)


@mistake("7.2", says="a stranger is in it")
def lets_strangers_in(asked, arrivals, window_s, enough):
    return close(
        asked,
        arrivals,
        window_s,
        enough,
        known=lambda client: True,
        order=lambda answers: {**dict.fromkeys(asked), **answers},
    )


@mistake("7.2", says="the first one counts")
def keeps_the_last_answer(asked, arrivals, window_s, enough):
    answers, end_s, reason = {}, window_s, "late"
    for seconds, client, update in arrivals:
        if seconds > window_s:
            break
        if client in asked:
            answers[client] = update
        if len(answers) == enough:
            end_s, reason = seconds, "not needed"
            break
    counted = [answers[client] for client in asked if client in answers]
    return counted, {client: reason for client in asked if client not in answers}, end_s


@mistake("7.2", says="a client is in it twice")
def counts_answers_instead_of_clients(asked, arrivals, window_s, enough):
    counted, end_s, reason = [], window_s, "late"
    for seconds, client, update in arrivals:
        if seconds > window_s:
            break
        if client in asked:
            counted.append(update)
        if len(counted) == enough:
            end_s, reason = seconds, "not needed"
            break
    counted.sort(key=lambda update: asked.index(update.client))
    names = [update.client for update in counted]
    return counted, {client: reason for client in asked if client not in names}, end_s


@mistake("7.2", says="they might have been in time")
def calls_everybody_late(asked, arrivals, window_s, enough):
    return close(asked, arrivals, window_s, enough, why="late")


@mistake("7.2", says="as if the server knew that nobody else will come")
def ends_with_the_last_answer(asked, arrivals, window_s, enough):
    updates, lost, end_s = close(asked, arrivals, window_s, enough)
    in_time = [seconds for seconds, client, _ in arrivals if seconds <= window_s and client in asked]
    return updates, lost, max(in_time, default=window_s) if "late" in lost.values() else end_s


@mistake("7.2", says="the round ends with the answer that made it enough")
def forgets_the_moment_when_all_have_answered(asked, arrivals, window_s, enough):
    return close(asked, arrivals, window_s, enough, stop=lambda answers: enough <= len(answers) < len(asked))


@mistake("7.2", says="not in the order in which their clients were asked")
def sorts_by_name(asked, arrivals, window_s, enough):
    return close(asked, arrivals, window_s, enough, order=sorted)


@mistake("7.2", says="go through `asked`, not through `arrivals`")
def loses_only_whom_it_has_heard_of(asked, arrivals, window_s, enough):
    updates, lost, end_s = close(asked, arrivals, window_s, enough)
    came = [client for _, client, _ in arrivals]
    return updates, {client: why for client, why in lost.items() if client in came}, end_s


@mistake("7.2", says="IndexError")
def takes_the_end_from_the_last_arrival(asked, arrivals, window_s, enough):
    updates, lost, end_s = close(asked, arrivals, window_s, enough)
    return updates, lost, min(end_s, max(arrivals[-1][0], end_s))


# ---- 7.3 ------------------------------------------------------------------------------------------------------------


def rows_of(updates):
    """Return each delta as one long row."""
    return np.array([np.concatenate([tensor.ravel() for tensor in update.delta]) for update in updates])


def far(updates, distances, factor=0.6745):
    """Return the names of those whose distance has a modified z-score above 3.5."""
    away = distances - np.median(distances)
    spread = np.median(np.abs(away))
    return [update.client for update, a in zip(updates, away) if factor * a > 3.5 * spread]


@mistake("7.3", says="is the spread a standard deviation?")
def takes_mean_and_standard_deviation(updates):
    rows = rows_of(updates)
    distances = np.linalg.norm(rows - np.median(rows, axis=0), axis=1)
    z = (distances - distances.mean()) / distances.std()
    return [update.client for update, one in zip(updates, z) if one > 3.5]


@mistake("7.3", says="*nearer* to the middle than usual is no suspect")
def suspects_whoever_differs(updates):
    rows = rows_of(updates)
    distances = np.linalg.norm(rows - np.median(rows, axis=0), axis=1)
    away = np.abs(distances - np.median(distances))
    return [update.client for update, a in zip(updates, away) if 0.6745 * a > 3.5 * np.median(away)]


@mistake("7.3", says="looks at the length of an update alone")
def compares_lengths(updates):
    return far(updates, np.linalg.norm(rows_of(updates), axis=1))


@mistake("7.3", says="the factor 0.6745 is missing")
def forgets_the_factor(updates):
    rows = rows_of(updates)
    return far(updates, np.linalg.norm(rows - np.median(rows, axis=0), axis=1), factor=1)


@mistake("7.3", says="the middle is a mean")
def measures_from_the_mean(updates):
    rows = rows_of(updates)
    return far(updates, np.linalg.norm(rows - np.mean(rows, axis=0), axis=1))


@mistake("7.3", says="the root is taken once")
def adds_up_the_distances_of_the_tensors(updates):
    distances = np.zeros(len(updates))
    for tensors in zip(*[update.delta for update in updates]):
        rows = np.array([tensor.ravel() for tensor in tensors])
        distances += np.linalg.norm(rows - np.median(rows, axis=0), axis=1)
    return far(updates, distances)


@mistake("7.3", says="`axis=0` takes the median of each number")
def takes_one_median_of_everything(updates):
    rows = rows_of(updates)
    return far(updates, np.linalg.norm(rows - np.median(rows), axis=1))


@mistake("7.3", says="these are the updates")
def returns_the_updates(updates):
    rows = rows_of(updates)
    names = far(updates, np.linalg.norm(rows - np.median(rows, axis=0), axis=1))
    return [update for update in updates if update.client in names]


@mistake("7.3", says="and nobody else")
def believes_what_clients_claim(updates):
    sizes = [update.n_examples for update in updates]
    rows = np.repeat(rows_of(updates), [max(1, size // 40) for size in sizes], axis=0)
    middle = np.median(rows, axis=0)
    return far(updates, np.linalg.norm(rows_of(updates) - middle, axis=1))
