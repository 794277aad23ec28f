"""Known mistakes of 05_global_update: each must fail, with a message that names it."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np

from fedteach.authoring import mistake

# ---- 5.1 ------------------------------------------------------------------------------------------------------------


@mistake("5.1", says="changes what it was given")
def adds_in_place(weights, delta):
    for w, d in zip(weights, delta):
        w += d
    return weights


@mistake("5.1", says="puts two lists together")
def joins_the_lists(weights, delta):
    return weights + delta


@mistake("5.1", says="is not a copy")
def hands_the_old_weights_on_when_there_is_nothing_to_add(weights, delta):
    return [w + d if d.any() else w for w, d in zip(weights, delta)]


@mistake("5.1", says="after minus before, so add it")
def subtracts_as_if_it_were_a_gradient(weights, delta):
    return [w - d for w, d in zip(weights, delta)]


@mistake("5.1", says="is a `return` missing?")
def forgets_to_return(weights, delta):
    [w + d for w, d in zip(weights, delta)]


@mistake("5.1", says="numbers of type float32")
def turns_the_model_into_float64(weights, delta):
    return [np.array((w + d).tolist()) for w, d in zip(weights, delta)]


@mistake("5.1", says="not weight + delta")
def moves_the_first_tensor_alone(weights, delta):
    return [weights[0] + delta[0], *(w.copy() for w in weights[1:])]


# ---- 5.2 ------------------------------------------------------------------------------------------------------------


@mistake("5.2", says="along the delta and not along the velocity")
def moves_along_the_delta(weights, delta, velocity, beta, rate):
    velocity = [beta * v + d for v, d in zip(velocity, delta)]
    return [w + rate * d for w, d in zip(weights, delta)], velocity


@mistake("5.2", says="the velocity from before the round")
def moves_before_it_speeds_up(weights, delta, velocity, beta, rate):
    moved = [w + rate * v for w, v in zip(weights, velocity)]
    return moved, [beta * v + d for v, d in zip(velocity, delta)]


@mistake("5.2", says="counts only 1 - beta")
def takes_a_running_mean(weights, delta, velocity, beta, rate):
    velocity = [beta * v + (1 - beta) * d for v, d in zip(velocity, delta)]
    return [w + rate * v for w, v in zip(weights, velocity)], velocity


@mistake("5.2", says="to the step of the weights, not to the velocity")
def puts_the_rate_into_the_velocity(weights, delta, velocity, beta, rate):
    velocity = [beta * v + rate * d for v, d in zip(velocity, delta)]
    return [w + v for w, v in zip(weights, velocity)], velocity


@mistake("5.2", says="`return weights, velocity` returns them all")
def keeps_the_velocity_for_itself(weights, delta, velocity, beta, rate):
    velocity = [beta * v + d for v, d in zip(velocity, delta)]
    return [w + rate * v for w, v in zip(weights, velocity)]


@mistake("5.2", says="compute array by array")
def computes_with_whole_lists(weights, delta, velocity, beta, rate):
    velocity = beta * velocity + delta
    return weights + rate * velocity, velocity


@mistake("5.2", says="not beta times the old one")
def takes_zero_for_not_given(weights, delta, velocity, beta, rate):
    beta = beta or 0.9
    velocity = [beta * v + d for v, d in zip(velocity, delta)]
    return [w + rate * v for w, v in zip(weights, velocity)], velocity


@mistake("5.2", says="do not move by rate times it")
def moves_a_tensor_as_a_whole(weights, delta, velocity, beta, rate):
    velocity = [beta * v + d for v, d in zip(velocity, delta)]
    return [w + rate * v.mean() for w, v in zip(weights, velocity)], velocity


# ---- 5.3 ------------------------------------------------------------------------------------------------------------


def _moments(delta, m, v, beta1, beta2):
    m = [beta1 * m + (1 - beta1) * d for m, d in zip(m, delta)]
    v = [beta2 * v + (1 - beta2) * d**2 for v, d in zip(v, delta)]
    return m, v


@mistake("5.3", says="square root of v is missing")
def forgets_the_root(weights, delta, m, v, rate, beta1, beta2, tau):
    m, v = _moments(delta, m, v, beta1, beta2)
    return [w + rate * m / (v + tau) for w, m, v in zip(weights, m, v)], m, v


@mistake("5.3", says="tau is inside the root")
def puts_tau_under_the_root(weights, delta, m, v, rate, beta1, beta2, tau):
    m, v = _moments(delta, m, v, beta1, beta2)
    return [w + rate * m / np.sqrt(v + tau) for w, m, v in zip(weights, m, v)], m, v


@mistake("5.3", says="bias correction")
def corrects_the_bias(weights, delta, m, v, rate, beta1, beta2, tau):
    m, v = _moments(delta, m, v, beta1, beta2)
    step = [rate * (m / (1 - beta1)) / (np.sqrt(v / (1 - beta2)) + tau) for m, v in zip(m, v)]
    return [w + s for w, s in zip(weights, step)], m, v


@mistake("5.3", says="downhill already")
def subtracts_like_a_gradient(weights, delta, m, v, rate, beta1, beta2, tau):
    m, v = _moments(delta, m, v, beta1, beta2)
    return [w - rate * m / (np.sqrt(v) + tau) for w, m, v in zip(weights, m, v)], m, v


@mistake("5.3", says="uses the m from before the round")
def moves_with_the_old_m(weights, delta, m, v, rate, beta1, beta2, tau):
    new_m, v = _moments(delta, m, v, beta1, beta2)
    return [w + rate * m / (np.sqrt(v) + tau) for w, m, v in zip(weights, m, v)], new_m, v


@mistake("5.3", says="the delta is not squared")
def forgets_the_square(weights, delta, m, v, rate, beta1, beta2, tau):
    m = [beta1 * m + (1 - beta1) * d for m, d in zip(m, delta)]
    v = [beta2 * v + (1 - beta2) * d for v, d in zip(v, delta)]
    return [w + rate * m / (np.sqrt(v) + tau) for w, m, v in zip(weights, m, v)], m, v


@mistake("5.3", says="m and v are right, but the weights are not")
def takes_one_v_for_a_whole_tensor(weights, delta, m, v, rate, beta1, beta2, tau):
    m, v = _moments(delta, m, v, beta1, beta2)
    return [w + rate * m / (np.sqrt(v.mean()) + tau) for w, m, v in zip(weights, m, v)], m, v


@mistake("5.3", says="so it stays at 5")
def adds_tau_only_where_there_is_a_v(weights, delta, m, v, rate, beta1, beta2, tau):
    m, v = _moments(delta, m, v, beta1, beta2)
    with np.errstate(invalid="ignore"):
        return [w + rate * m / (np.sqrt(v) + tau * np.sign(v)) for w, m, v in zip(weights, m, v)], m, v


# ---- 5.4 ------------------------------------------------------------------------------------------------------------


@mistake("5.4", says="move the weights first, then evaluate")
def evaluates_one_round_late(weights, next_delta, evaluate, rounds):
    accuracies = []
    for r in range(1, rounds + 1):
        delta = next_delta(weights, r)
        accuracies.append(evaluate(weights))
        weights = [w + d for w, d in zip(weights, delta)]
    return weights, accuracies


@mistake("5.4", says="once in each round")
def evaluates_only_at_the_end(weights, next_delta, evaluate, rounds):
    for r in range(1, rounds + 1):
        weights = [w + d for w, d in zip(weights, next_delta(weights, r))]
    return weights, [evaluate(weights)]


@mistake("5.4", says="Rounds are counted from 1")
def counts_rounds_from_zero(weights, next_delta, evaluate, rounds):
    accuracies = []
    for r in range(rounds):
        weights = [w + d for w, d in zip(weights, next_delta(weights, r))]
        accuracies.append(evaluate(weights))
    return weights, accuracies


@mistake("5.4", says="the weights of the very beginning every time")
def always_begins_at_the_beginning(weights, next_delta, evaluate, rounds):
    accuracies, moved = [], weights
    for r in range(1, rounds + 1):
        moved = [w + d for w, d in zip(moved, next_delta(weights, r))]
        accuracies.append(evaluate(moved))
    return moved, accuracies


@mistake("5.4", says="twice in a round")
def evaluates_again_to_print_it(weights, next_delta, evaluate, rounds):
    accuracies = []
    for r in range(1, rounds + 1):
        weights = [w + d for w, d in zip(weights, next_delta(weights, r))]
        accuracies.append(evaluate(weights))
        print(r, evaluate(weights))
    return weights, accuracies


@mistake("5.4", says="changes what it was given")
def moves_the_callers_model(weights, next_delta, evaluate, rounds):
    accuracies = []
    for r in range(1, rounds + 1):
        for w, d in zip(weights, next_delta(weights, r)):
            w += d
        accuracies.append(evaluate(weights))
    return [w.copy() for w in weights], accuracies


@mistake("5.4", says="`return weights, accuracies` returns both")
def returns_the_accuracies_alone(weights, next_delta, evaluate, rounds):
    accuracies = []
    for r in range(1, rounds + 1):
        weights = [w + d for w, d in zip(weights, next_delta(weights, r))]
        accuracies.append(evaluate(weights))
    return accuracies


@mistake("5.4", says="puts two lists together")
def joins_the_lists_in_each_round(weights, next_delta, evaluate, rounds):
    accuracies = []
    for r in range(1, rounds + 1):
        weights = weights + next_delta(weights, r)
        accuracies.append(evaluate(weights))
    return weights, accuracies


@mistake("5.4", says="once in each of 1 round")
def always_plays_three_rounds(weights, next_delta, evaluate, rounds):
    accuracies = []
    for r in (1, 2, 3):
        weights = [w + d for w, d in zip(weights, next_delta(weights, r))]
        accuracies.append(evaluate(weights))
    return weights, accuracies


# ---- 5.5 ------------------------------------------------------------------------------------------------------------


def _log(client_number, experiment, max_round, clients_acc, server_acc):
    return {
        "client number": client_number,
        "experiment": experiment,
        "max round": max_round,
        "clients acc": clients_acc,
        "server acc": server_acc,
        "final weight": None,
    }


@mistake("5.5", says="JSON has no numbers as keys")
def leaves_the_ids_as_numbers(client_number, experiment, max_round, clients_acc, server_acc):
    clients = {client: [float(value) for value in values] for client, values in clients_acc.items()}
    return _log(client_number, experiment, max_round, clients, [float(value) for value in server_acc])


@mistake("5.5", says="`float(value)` makes a plain number")
def makes_lists_of_what_is_in_them(client_number, experiment, max_round, clients_acc, server_acc):
    clients = {str(client): list(values) for client, values in clients_acc.items()}
    return _log(client_number, experiment, max_round, clients, list(server_acc))


@mistake("5.5", says="some are numpy's own")
def makes_lists_of_float32(client_number, experiment, max_round, clients_acc, server_acc):
    clients = {str(client): list(np.asarray(values)) for client, values in clients_acc.items()}
    return _log(client_number, experiment, max_round, clients, list(np.asarray(server_acc)))


@mistake("5.5", says="JSON cannot write one")
def leaves_the_arrays_as_they_are(client_number, experiment, max_round, clients_acc, server_acc):
    clients = {str(client): np.array(values) for client, values in clients_acc.items()}
    return _log(client_number, experiment, max_round, clients, np.array(server_acc))


@mistake("5.5", says="the keys have not")
def writes_keys_with_underscores(client_number, experiment, max_round, clients_acc, server_acc):
    clients = {str(client): [float(value) for value in values] for client, values in clients_acc.items()}
    log = _log(client_number, experiment, max_round, clients, [float(value) for value in server_acc])
    return {key.replace(" ", "_"): value for key, value in log.items()}


@mistake("5.5", says="missing: 'final weight'")
def leaves_the_final_weight_out(client_number, experiment, max_round, clients_acc, server_acc):
    clients = {str(client): [float(value) for value in values] for client, values in clients_acc.items()}
    log = _log(client_number, experiment, max_round, clients, [float(value) for value in server_acc])
    del log["final weight"]
    return log


@mistake("5.5", says="'max round' of the log is not the right one")
def counts_the_rounds_that_were_played(client_number, experiment, max_round, clients_acc, server_acc):
    clients = {str(client): [float(value) for value in values] for client, values in clients_acc.items()}
    return _log(client_number, experiment, len(server_acc), clients, [float(value) for value in server_acc])


# ---- 5.6 ------------------------------------------------------------------------------------------------------------


@mistake("5.6", says="the time of another place")
def reads_the_clock_on_the_wall_in_seoul(now):
    return datetime.fromtimestamp(now, tz=timezone(timedelta(hours=9))).strftime("%Y%m%d_%H%M%S.json")


@mistake("5.6", says="the time of another place")
def reads_the_clock_on_the_wall(now):
    return datetime.fromtimestamp(now).strftime("%Y%m%d_%H%M%S.json")


@mistake("5.6", says="the seconds in `now`")
def names_the_log_by_the_time_of_the_check(now):
    return datetime.now(UTC).strftime("%Y%m%d_%H%M%S.json")


@mistake("5.6", says="%m is the month and %M the minute")
def takes_the_month_for_the_minute(now):
    return datetime.fromtimestamp(now, tz=UTC).strftime("%Y%m%d_%H%m%S.json")


@mistake("5.6", says="ending .json is missing")
def forgets_the_ending(now):
    return datetime.fromtimestamp(now, tz=UTC).strftime("%Y%m%d_%H%M%S")


@mistake("5.6", says="two digits of the year")
def writes_half_the_year(now):
    return datetime.fromtimestamp(now, tz=UTC).strftime("%y%m%d_%H%M%S.json")


@mistake("5.6", says="the name is 20220304_050607.json")
def writes_parts_of_a_second(now):
    text = datetime.fromtimestamp(now, tz=UTC).replace(tzinfo=None).isoformat()
    return text.replace("-", "").replace(":", "").replace("T", "_") + ".json"


@mistake("5.6", says="the name is 20241231_235958.json")
def takes_the_year_of_the_week(now):
    return datetime.fromtimestamp(now, tz=UTC).strftime("%G%m%d_%H%M%S.json")
