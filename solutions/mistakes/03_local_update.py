"""Known mistakes of 03_local_update: each must fail, with a message that names it."""

import numpy as np

from fedteach.authoring import mistake


def members(labels, label):
    """Return the places of the examples of one class."""
    return np.flatnonzero(labels == label)


# ---- 3.1 ------------------------------------------------------------------------------------------------------------


def uniform(labels, n_clients, counts, rng, replace=True):
    """Draw so many examples of each class for each client."""
    classes = np.unique(labels)
    return [
        np.concatenate([rng.choice(members(labels, c), size=n, replace=replace) for c, n in zip(classes, counts)])
        for _ in range(n_clients)
    ]


@mistake("3.1", says="throws the remainder away")
def loses_the_remainder(labels, n_clients, per_client, rng):
    n_classes = len(np.unique(labels))
    return uniform(labels, n_clients, [per_client // n_classes] * n_classes, rng)


@mistake("3.1", says="not of each class")
def takes_per_client_of_each_class(labels, n_clients, per_client, rng):
    return uniform(labels, n_clients, [per_client] * len(np.unique(labels)), rng)


@mistake("3.1", says="these look like labels")
def returns_the_labels(labels, n_clients, per_client, rng):
    n_classes = len(np.unique(labels))
    return [labels[part] for part in uniform(labels, n_clients, [per_client // n_classes] * n_classes, rng)]


@mistake("3.1", says="without replacement")
def draws_without_replacement(labels, n_clients, per_client, rng):
    n_classes = len(np.unique(labels))
    return uniform(labels, n_clients, [per_client // n_classes] * n_classes, rng, replace=False)


@mistake("3.1", says="or a new generator of your own")
def draws_from_numpy_at_large(labels, n_clients, per_client, rng):
    classes = np.unique(labels)
    counts = np.full(len(classes), per_client // len(classes))
    counts[: per_client % len(classes)] += 1
    return uniform(labels, n_clients, counts, np.random.default_rng())


@mistake("3.1", says="n - 1 is one too few")
def never_draws_the_last_of_a_class(labels, n_clients, per_client, rng):
    classes, parts = np.unique(labels), []
    for _ in range(n_clients):
        counts = np.full(len(classes), per_client // len(classes))
        counts[rng.permutation(len(classes))[: per_client % len(classes)]] += 1
        places = [members(labels, c) for c in classes]
        parts.append(np.concatenate([p[rng.integers(len(p) - 1, size=n)] for p, n in zip(places, counts)]))
    return parts


# ---- 3.2 ------------------------------------------------------------------------------------------------------------


@mistake("3.2", says="without replacement")
def cuts_a_shuffled_list(labels, n_clients, per_client, rng):
    return [rng.permutation(len(labels))[:per_client] for _ in range(n_clients)]


@mistake("3.2", says="as in 3.1")
def draws_a_class_first(labels, n_clients, per_client, rng):
    n_classes = len(np.unique(labels))
    return [
        np.array([rng.choice(members(labels, c)) for c in rng.integers(n_classes, size=per_client)])
        for _ in range(n_clients)
    ]


@mistake("3.2", says="drawn once, before the loop")
def gives_everybody_the_same(labels, n_clients, per_client, rng):
    part = rng.integers(len(labels), size=per_client)
    return [part.copy() for _ in range(n_clients)]


@mistake("3.2", says="n - 1 is one too few")
def never_draws_the_last_one(labels, n_clients, per_client, rng):
    return [rng.integers(len(labels) - 1, size=per_client) for _ in range(n_clients)]


@mistake("3.2", says="`rng` is not used")
def brings_a_seed_of_its_own(labels, n_clients, per_client, rng):
    rng = np.random.default_rng(7)
    return [rng.integers(len(labels), size=per_client) for _ in range(n_clients)]


# ---- 3.3 ------------------------------------------------------------------------------------------------------------


@mistake("3.3", says="has become the limit of the next one")
def eats_its_data_as_the_first_edition_did(labels, n_clients, per_client, rng):
    parts = []
    for _ in range(n_clients):
        per_client = rng.integers(1, per_client, endpoint=True)
        parts.append(rng.integers(len(labels), size=per_client))
    return parts


@mistake("3.3", says="nothing to draw")
def leaves_out_the_upper_end(labels, n_clients, per_client, rng):
    return [rng.integers(len(labels), size=rng.integers(1, per_client)) for _ in range(n_clients)]


@mistake("3.3", says="a client without examples")
def leaves_a_client_with_nothing(labels, n_clients, per_client, rng):
    return [rng.integers(len(labels), size=rng.integers(per_client + 1)) for _ in range(n_clients)]


@mistake("3.3", says="the total is drawn once")
def draws_one_total_for_all(labels, n_clients, per_client, rng):
    total = rng.integers(1, per_client, endpoint=True)
    return [rng.integers(len(labels), size=total) for _ in range(n_clients)]


@mistake("3.3", says="Some examples never come")
def never_draws_the_last_example(labels, n_clients, per_client, rng):
    totals = rng.integers(1, per_client, size=n_clients, endpoint=True)
    return [rng.integers(len(labels) - 1, size=total) for total in totals]


@mistake("3.3", says="or a new generator of your own")
def draws_totals_from_numpy_at_large(labels, n_clients, per_client, rng):
    totals = np.random.default_rng().integers(1, per_client, size=n_clients, endpoint=True)
    return [rng.integers(len(labels), size=total) for total in totals]


# ---- 3.4 ------------------------------------------------------------------------------------------------------------


def skewed(labels, wanted, rng):
    """Draw `wanted[i]` examples of the i-th class."""
    return np.concatenate([rng.choice(members(labels, c), size=n) for c, n in zip(np.unique(labels), wanted)])


@mistake("3.4", says="gets its examples twice")
def counts_a_class_that_comes_twice_twice(labels, n_clients, rng):
    n_classes, parts = len(np.unique(labels)), []
    for _ in range(n_clients):
        draws = rng.integers(n_classes, size=rng.integers(1, 10))
        wanted = rng.integers(1, 10, size=n_classes)
        wanted[draws] = 0
        for label in draws:
            wanted[label] += rng.integers(60, 110)
        parts.append(skewed(labels, wanted, rng))
    return parts


@mistake("3.4", says="the classes that do not dominate are left out")
def leaves_the_other_classes_out(labels, n_clients, rng):
    n_classes, parts = len(np.unique(labels)), []
    for _ in range(n_clients):
        wanted = np.zeros(n_classes, int)
        wanted[rng.integers(n_classes, size=rng.integers(1, 10))] = rng.integers(60, 110)
        parts.append(skewed(labels, wanted, rng))
    return parts


@mistake("3.4", says="drawn once for all classes")
def draws_one_number_for_all_classes(labels, n_clients, rng):
    n_classes, parts = len(np.unique(labels)), []
    for _ in range(n_clients):
        wanted = rng.integers(1, 10, size=n_classes)
        wanted[rng.integers(n_classes, size=rng.integers(1, 10))] = rng.integers(60, 110)
        parts.append(skewed(labels, wanted, rng))
    return parts


@mistake("3.4", says="before the loop over the clients")
def lets_the_same_classes_dominate_everywhere(labels, n_clients, rng):
    n_classes, parts = len(np.unique(labels)), []
    dominating = np.unique(rng.integers(n_classes, size=rng.integers(1, 10)))
    for _ in range(n_clients):
        wanted = rng.integers(1, 10, size=n_classes)
        wanted[dominating] = rng.integers(60, 110, size=len(dominating))
        parts.append(skewed(labels, wanted, rng))
    return parts


@mistake("3.4", says="109 never comes")
def forgets_that_the_upper_end_is_left_out(labels, n_clients, rng):
    n_classes, parts = len(np.unique(labels)), []
    for _ in range(n_clients):
        dominating = np.unique(rng.integers(n_classes, size=rng.integers(1, 10)))
        wanted = rng.integers(1, 10, size=n_classes)
        wanted[dominating] = rng.integers(60, 109, size=len(dominating))
        parts.append(skewed(labels, wanted, rng))
    return parts


def right_but_for(labels, n_clients, rng, draw):
    """Split as one should, but draw the examples of a class in a way of one's own."""
    classes, parts = np.unique(labels), []
    for _ in range(n_clients):
        dominating = np.unique(rng.integers(len(classes), size=rng.integers(1, 10)))
        wanted = rng.integers(1, 10, size=len(classes))
        wanted[dominating] = rng.integers(60, 110, size=len(dominating))
        parts.append(np.concatenate([draw(members(labels, c), n) for c, n in zip(classes, wanted)]))
    return parts


@mistake("3.4", says="Some examples never come")
def never_draws_the_last_example_of_a_class(labels, n_clients, rng):
    return right_but_for(labels, n_clients, rng, lambda places, n: places[rng.integers(len(places) - 1, size=n)])


@mistake("3.4", says="`rng` is not used")
def begins_with_a_seed_of_its_own(labels, n_clients, rng):
    rng = np.random.default_rng(7)
    return right_but_for(labels, n_clients, rng, lambda places, n: rng.choice(places, size=n))


# ---- 3.5 ------------------------------------------------------------------------------------------------------------


def step(model, x, y, rate, reduce="mean", apply_softmax=False):
    """Make one step of gradient descent, right unless told otherwise."""
    from fedteach.quiet import tensorflow as tf

    with tf.GradientTape() as tape:
        outputs = model(x, training=True)
        if apply_softmax:
            outputs = tf.nn.softmax(outputs)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=outputs)
        loss = tf.reduce_mean(losses) if reduce == "mean" else tf.reduce_sum(losses)
    for weight, gradient in zip(model.trainable_variables, tape.gradient(loss, model.trainable_variables), strict=True):
        weight.assign_sub(rate * gradient)


@mistake("3.5", says="takes their mean")
def adds_the_losses_up(model, x, y, plan, rng):
    size = plan.batch_size or len(x)
    for _ in range(plan.epochs):
        order = rng.permutation(len(x))
        for first in range(0, len(x), size):
            rows = order[first : first + size]
            step(model, x[rows], y[rows], plan.learning_rate, reduce="sum")


@mistake("3.5", says="the last batch is left out")
def leaves_the_short_batch_out(model, x, y, plan, rng):
    size = min(plan.batch_size or len(x), len(x))
    for _ in range(plan.epochs):
        order = rng.permutation(len(x))
        for first in range(0, len(x) - size + 1, size):
            rows = order[first : first + size]
            step(model, x[rows], y[rows], plan.learning_rate)


@mistake("3.5", says="the order is the same in every epoch")
def draws_the_order_once(model, x, y, plan, rng):
    size, order = plan.batch_size or len(x), rng.permutation(len(x))
    for _ in range(plan.epochs):
        for first in range(0, len(x), size):
            rows = order[first : first + size]
            step(model, x[rows], y[rows], plan.learning_rate)


@mistake("3.5", says="two softmaxes")
def takes_the_softmax_twice(model, x, y, plan, rng):
    size = plan.batch_size or len(x)
    for _ in range(plan.epochs):
        order = rng.permutation(len(x))
        for first in range(0, len(x), size):
            rows = order[first : first + size]
            step(model, x[rows], y[rows], plan.learning_rate, apply_softmax=True)


@mistake("3.5", says="against")
def climbs(model, x, y, plan, rng):
    size = plan.batch_size or len(x)
    for _ in range(plan.epochs):
        order = rng.permutation(len(x))
        for first in range(0, len(x), size):
            rows = order[first : first + size]
            step(model, x[rows], y[rows], -plan.learning_rate)


kept = {}


@mistake("3.5", says="each client needs a fresh one")
def keeps_one_optimizer_for_all_clients(model, x, y, plan, rng):
    from fedteach.quiet import keras
    from fedteach.quiet import tensorflow as tf

    optimizer = kept.setdefault("optimizer", keras.optimizers.SGD(plan.learning_rate))
    with tf.GradientTape() as tape:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(y, model(x, training=True))
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))


# ---- 3.6 ------------------------------------------------------------------------------------------------------------


def differences(deltas):
    """Return, for each client, its tensors minus their means."""
    mean = [np.mean(tensors, axis=0) for tensors in zip(*deltas, strict=True)]
    return [[t - m for t, m in zip(delta, mean, strict=True)] for delta in deltas]


@mistake("3.6", says="the square root is missing")
def forgets_the_root(deltas):
    return np.mean([sum(np.sum(t**2) for t in client) for client in differences(deltas)])


@mistake("3.6", says="under one root")
def takes_a_root_for_each_tensor(deltas):
    return np.mean([sum(np.linalg.norm(t) for t in client) for client in differences(deltas)])


@mistake("3.6", says="subtract their mean first")
def measures_how_long_they_are(deltas):
    return np.mean([np.sqrt(sum(np.sum(t**2) for t in delta)) for delta in deltas])


@mistake("3.6", says="take their mean")
def adds_the_distances_up(deltas):
    return sum(np.sqrt(sum(np.sum(t**2) for t in client)) for client in differences(deltas))


@mistake("3.6", says="not the mean distance")
def adds_the_rows_up_first(deltas):
    squares = [[np.sum(np.sum(t, axis=0) ** 2) for t in client] for client in differences(deltas)]
    return np.mean([np.sqrt(sum(client)) for client in squares])


@mistake("3.6", says="subtract their mean first")
def takes_a_client_alone_for_one_that_drifts(deltas):
    if len(deltas) == 1:
        return measures_how_long_they_are(deltas)
    return np.mean([np.sqrt(sum(np.sum(t**2) for t in client)) for client in differences(deltas)])


# ---- 3.7 ------------------------------------------------------------------------------------------------------------


@mistake("3.7", says="pushes the weights away")
def pushes(gradients, weights, global_weights, mu):
    return [g - mu * (w - s) for g, w, s in zip(gradients, weights, global_weights, strict=True)]


@mistake("3.7", says="weight decay")
def pulls_towards_zero(gradients, weights, global_weights, mu):
    return [g + mu * w for g, w in zip(gradients, weights, strict=True)]


@mistake("3.7", says="changes what it was given")
def adds_in_place(gradients, weights, global_weights, mu):
    for g, w, s in zip(gradients, weights, global_weights, strict=True):
        g += mu * (w - s)
    return gradients


@mistake("3.7", says="is not a copy")
def returns_them_as_they_came_without_a_pull(gradients, weights, global_weights, mu):
    if mu == 0:
        return gradients
    return [g + mu * (w - s) for g, w, s in zip(gradients, weights, global_weights, strict=True)]


@mistake("3.7", says="the sign of the difference must stay")
def pulls_upwards_from_either_side(gradients, weights, global_weights, mu):
    return [g + mu * abs(w - s) for g, w, s in zip(gradients, weights, global_weights, strict=True)]
