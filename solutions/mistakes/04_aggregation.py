"""Known mistakes of 04_aggregation: each must fail, with a message that names it."""

import numpy as np

from fedteach.authoring import mistake

# ---- 4.1 ------------------------------------------------------------------------------------------------------------


@mistake("4.1", says="each client counts the same")
def forgets_the_weights(updates):
    deltas = [update.delta for update in updates]
    if not deltas:
        raise ValueError("nothing to average")
    return [np.mean(np.stack(tensors), axis=0) for tensors in zip(*deltas)]


@mistake("4.1", says="divided by the number of clients")
def divides_by_the_number_of_clients(updates):
    updates = list(updates)
    if not updates:
        raise ValueError("nothing to average")
    deltas = [update.delta for update in updates]
    sizes = [update.n_examples for update in updates]
    return [sum(n * tensor for n, tensor in zip(sizes, tensors)) / len(updates) for tensors in zip(*deltas)]


@mistake("4.1", says="is not a copy")
def returns_the_only_update_as_it_came(updates):
    updates = list(updates)
    if not updates:
        raise ValueError("nothing to average")
    if len(updates) == 1:
        return updates[0].delta
    n = sum(update.n_examples for update in updates)
    deltas = [update.delta for update in updates]
    shares = [update.n_examples / n for update in updates]
    return [sum(share * tensor for share, tensor in zip(shares, tensors)) for tensors in zip(*deltas)]


@mistake("4.1", says="nothing to average")
def takes_no_answer_for_a_mean_of_zero(updates):
    updates = list(updates)
    n = sum(update.n_examples for update in updates)
    deltas = [update.delta for update in updates]
    shares = [update.n_examples / n for update in updates]
    return [sum(share * tensor for share, tensor in zip(shares, tensors)) for tensors in zip(*deltas)]


# ---- 4.2 ------------------------------------------------------------------------------------------------------------


@mistake("4.2", says="updates at once")
def collects_them_first(updates):
    updates = list(updates)
    if not updates:
        raise ValueError("nothing to average")
    n = sum(update.n_examples for update in updates)
    deltas = [update.delta for update in updates]
    shares = [update.n_examples / n for update in updates]
    return [sum(share * tensor for share, tensor in zip(shares, tensors)) for tensors in zip(*deltas)]


@mistake("4.2", says="changes what it was given")
def adds_into_the_first_update(updates):
    n, sums = 0, None
    for update in updates:
        n += update.n_examples
        if sums is None:
            sums = update.delta
            for tensor in sums:
                tensor *= update.n_examples
        else:
            for total, tensor in zip(sums, update.delta):
                total += update.n_examples * tensor
    if sums is None:
        raise ValueError("nothing to average")
    return [total / n for total in sums]


@mistake("4.2", says="each client counts the same")
def moves_by_one_over_the_number_of_clients(updates):
    mean = None
    for k, update in enumerate(updates, start=1):
        if mean is None:
            mean = [np.zeros_like(tensor) for tensor in update.delta]
        mean = [m + (tensor - m) / k for m, tensor in zip(mean, update.delta)]
    if mean is None:
        raise ValueError("nothing to average")
    return mean


@mistake("4.2", says="nothing to average")
def returns_nothing_for_nobody(updates):
    n, mean = 0, []
    for update in updates:
        n += update.n_examples
        mean = mean or [np.zeros_like(tensor) for tensor in update.delta]
        mean = [m + update.n_examples / n * (tensor - m) for m, tensor in zip(mean, update.delta)]
    return mean


@mistake("4.2", says="copies or parts of them")
def collects_products_first(updates):
    n, terms = 0, []
    for update in updates:
        n += update.n_examples
        terms.append([update.n_examples * tensor for tensor in update.delta])
    if not terms:
        raise ValueError("nothing to average")
    return [sum(tensors) / n for tensors in zip(*terms)]


# ---- 4.3 ------------------------------------------------------------------------------------------------------------


def gate(updates, round, like, *, finite=np.isfinite, fits=None, late=True, once=True, seen_before=False, least=1):
    """Accept as one should, but for one thing."""
    fits = fits or (lambda delta: [t.shape for t in delta] == [t.shape for t in like])
    accepted, refused, seen = [], {}, set()
    for update in updates:
        if late and update.round != round:
            refused[update.client] = "late"
        elif once and update.client in seen:
            refused[update.client] = "twice"
        else:
            if seen_before:
                seen.add(update.client)
            if update.n_examples < least:
                refused[update.client] = "no examples"
            elif not fits(update.delta):
                refused[update.client] = "shape"
            elif not all(finite(tensor).all() for tensor in update.delta):
                refused[update.client] = "not finite"
            else:
                seen.add(update.client)
                accepted.append(update)
    return accepted, refused


@mistake("4.3", says="NaN equals nothing")
def compares_with_nan(updates, round, like):
    return gate(updates, round, like, finite=lambda tensor: tensor != np.nan)


@mistake("4.3", says="does not see infinity")
def looks_for_nan_alone(updates, round, like):
    return gate(updates, round, like, finite=lambda tensor: ~np.isnan(tensor))


@mistake("4.3", says="stops at the shorter list")
def zips_the_shapes(updates, round, like):
    return gate(updates, round, like, fits=lambda delta: all(a.shape == b.shape for a, b in zip(delta, like)))


@mistake("4.3", says="is the round that it answers")
def takes_late_answers(updates, round, like):
    return gate(updates, round, like, late=False)


@mistake("4.3", says="must count once")
def counts_a_client_twice(updates, round, like):
    return gate(updates, round, like, once=False)


@mistake("4.3", says="although its update was refused")
def remembers_a_refused_client(updates, round, like):
    return gate(updates, round, like, seen_before=True)


@mistake("4.3", says="no complaint")
def refuses_all(updates, round, like):
    return [], {update.client: "no" for update in updates}


@mistake("4.3", says="counts from one example on")
def takes_updates_of_no_example(updates, round, like):
    return gate(updates, round, like, least=0)


@mistake("4.3", says="the whole `.shape` of each")
def compares_the_number_of_numbers(updates, round, like):
    return gate(updates, round, like, fits=lambda delta: [t.size for t in delta] == [t.size for t in like])


# ---- 4.4 ------------------------------------------------------------------------------------------------------------


@mistake("4.4", says="this is the mean")
def takes_the_mean(updates):
    deltas = [update.delta for update in updates]
    return [np.mean(np.stack(tensors), axis=0) for tensors in zip(*deltas)]


@mistake("4.4", says="sort by value first")
def takes_the_middle_of_the_list(updates):
    deltas = [update.delta for update in updates]
    return [np.array(tensor) for tensor in deltas[len(deltas) // 2]]


@mistake("4.4", says="mean of the two in the middle")
def takes_the_upper_of_two(updates):
    deltas = [update.delta for update in updates]
    return [np.sort(np.stack(tensors), axis=0)[len(deltas) // 2] for tensors in zip(*deltas)]


@mistake("4.4", says="is not a copy")
def returns_the_only_update(updates):
    deltas = [update.delta for update in updates]
    if not deltas:
        raise ValueError("nothing to take the median of")
    if len(deltas) == 1:
        return deltas[0]
    return [np.median(np.stack(tensors), axis=0) for tensors in zip(*deltas)]


@mistake("4.4", says="nothing to average")
def returns_an_empty_list_for_nobody(updates):
    deltas = [update.delta for update in updates]
    return [np.median(np.stack(tensors), axis=0) for tensors in zip(*deltas)]
