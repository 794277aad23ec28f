# %% [markdown]
# # Step 4, aggregation: many answers, one step
#
# *About 40 minutes. You write four functions, three to twelve lines each.*
#
# The clients have trained. Each sends back an *update*: how its training would like to change the model. The server
# has to make **one** change out of all of them. Who counts how much? What if an update is broken, late, or a lie?
#
# After this notebook you can
#
# - compute FedAvg's weighted mean, and say why it is weighted,
# - compute it while the updates come in, with memory for one of them,
# - name the updates that must never get into a mean, and keep them out,
# - say what a median buys, and what it costs.

# %%
import tracemalloc
from dataclasses import replace

import numpy as np

from fedteach import Experiment, NotStarted, Update, check, hint, lab, panel, progress, reset, use

# %% [markdown]
# ## Where we are
#
# This is the fourth of the five steps. The updates of a round come in at the server, and the next step will move the
# model by whatever we make of them here.

# %%
lab.plots.five_steps(highlight=4)

# %% [markdown]
# An update looks like this. `delta` is a list of arrays, one for each tensor of the model: the weights *after*
# training minus the weights *before*. `n_examples` says how many examples the client trained on.

# %%
anna = Update(client="Anna", round=1, delta=[np.array([2.0], np.float32)], n_examples=1)
ben = Update(client="Ben", round=1, delta=[np.array([6.0], np.float32)], n_examples=3)

for update in (anna, ben):
    print(f"{update.client}: n_examples {update.n_examples}, delta {update.delta}")

# %% [markdown]
# ## 4.1 The weighted mean
#
# > **Predict.** Anna has one example, and it would like the model's only number to grow by 2. Ben has three examples,
# > and they would like it to grow by 6. By how much should the server move it: 2, 4, 5 or 8?
#
# **Explain.** The idea of FedAvg (short for *federated averaging*): the result should be what one would get if every
# *example* had the same say, wherever it happens to be. There are four examples. One says 2, three say 6, so
#
# $$\frac{1 \cdot 2 + 3 \cdot 6}{1 + 3} = 5 .$$
#
# Anna's share is 1/4 and Ben's is 3/4. In general client $k$ has $n_k$ examples and sent $\Delta_k$, and the mean is
#
# $$\Delta = \sum_k \frac{n_k}{n}\,\Delta_k, \qquad n = \sum_k n_k .$$
#
# **Your turn.** Write `weighted_mean`. It gets the updates of a round one after another, as they come in, so you can go
# through them only *once*; if you need them all together, begin with `updates = list(updates)`. A model has several
# tensors, so `delta` is a *list* of arrays, and so is your result: the mean of all first arrays, the mean of all second
# ones, and so on. If no client answered there is nothing to average: raise a `ValueError` that says so.


# %%
def weighted_mean(updates):
    """Average the deltas, each by its client's number of examples.

    updates: the round's updates; you can go through them once.
    Returns a list of arrays, shaped like one update's delta.
    """
    # BEGIN SOLUTION 4.1
    updates = list(updates)
    if not updates:
        raise ValueError("nothing to average: no client answered")
    n = sum(update.n_examples for update in updates)
    shares = [update.n_examples / n for update in updates]
    deltas = [update.delta for update in updates]
    return [sum(share * tensor for share, tensor in zip(shares, tensors)) for tensors in zip(*deltas)]
    # END SOLUTION 4.1


check("4.1", weighted_mean)
# hint("4.1")  # remove the first # for a hint

# %% [markdown]
# Now let it drive a federation. Eight clients share the digits very unevenly: the first has 670 of them, the last 31.

# %%
uneven = Experiment(clients=8, split="quantity:1.5", rounds=6, epochs=3)
lab.plots.label_bars(uneven.label_counts(), uneven.client_ids(), uneven.class_names())

# %% [markdown]
# `use` takes your function if it passes its check, and fedteach's own if not; then a line says so. Run this cell again
# when yours is ready.

# %%
weighted = use("4.1", weighted_mean)

# %% [markdown]
# Press **Run** and watch your mean at work.

# %%
board = panel(uneven, aggregate=weighted)

# %% [markdown]
# > **Predict.** A framework for federated learning once forgot the weights and gave every client the same share. How
# > would the accuracy of the server's model change: not at all, a little, a lot? Write it down before you run the cell.
#
# (Let the panel finish first. This cell takes some 5 to 10 seconds, as do all that run whole federations.)


# %%
def plain_mean(updates):
    """Average the deltas with the same share for every client."""
    return weighted([replace(update, n_examples=1) for update in updates])


runs = {
    "weighted by examples": uneven.federation(aggregate=weighted).run(6),
    "every client the same": uneven.federation(aggregate=plain_mean).run(6),
}
lab.plots.compare(
    runs, title="Who counts how much?", subtitle="8 clients, the largest with 670 digits, the smallest 31"
)

# %% [markdown]
# **Explain.** The client with 670 digits has made many more steps and seen many more hands. Give it an eighth of the
# say, like all others, and most of what it has learnt is thrown away: the model needs several rounds more.
#
# It is not always so. Where all clients hold about the same number of examples the two means are the same, and where a
# small client holds something that nobody else has, the weighted mean may hardly hear it.

# %% [markdown]
# ## 4.2 The same mean as a stream
#
# A server with a thousand clients and a model of 100 MB would need 100 GB to keep all updates until the last one is in.
# There are frameworks that do just that, and their users report rounds that end in "out of memory".
#
# The mean can do without. Say the mean of the first 30 examples is 2, and now a client with 10 examples sends 6. Its
# share of the 40 examples seen so far is 10/40, and the mean moves by this share of the way from 2 to 6:
#
# $$2 + \frac{10}{40}\,(6 - 2) = 3 .$$
#
# Check it: $(30 \cdot 2 + 10 \cdot 6) / 40 = 3$. All you have to remember is the mean so far and the number of examples
# so far. The update itself can be forgotten.
#
# > **Predict.** The model here has 38,282 weights of 4 bytes. How much memory do 64 updates take if you keep them all?
#
# **Your turn.** Write `streaming_mean`: the same result as 4.1, but look at each update once, when it comes, and do not
# keep it. The check counts how many updates you hold at the same time.


# %%
def streaming_mean(updates):
    """Average the deltas by examples, holding one update at a time.

    updates: arrive one after another; you can go through them once.
    Returns a list of arrays, shaped like one update's delta.
    """
    # BEGIN SOLUTION 4.2
    n, mean = 0, None
    for update in updates:
        n += update.n_examples
        share = update.n_examples / n
        if mean is None:
            mean = [np.zeros_like(tensor) for tensor in update.delta]
        mean = [m + share * (tensor - m) for m, tensor in zip(mean, update.delta)]
    if mean is None:
        raise ValueError("nothing to average: no client answered")
    return mean
    # END SOLUTION 4.2


check("4.2", streaming_mean)
# hint("4.2")  # remove the first # for a hint

# %% [markdown]
# Measure it. `arriving` makes updates that exist only from the moment somebody asks for the next one, as they do on a
# network, and Python tells us the most memory that was in use at any time.


# %%
def arriving(n_clients):
    """Let one update after another come in, each as large as our model."""
    for i in range(n_clients):
        yield Update(f"client {i}", 1, [np.full(38_282, i, np.float32)], n_examples=10)


def megabytes_needed(rule, n_clients):
    """Return the most memory that a rule needs for a round of so many clients, in MB."""
    tracemalloc.start()
    rule(arriving(n_clients))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most / 1e6


def keep_them_all(updates):
    """Average the easy way: collect first."""
    return weighted(list(updates))


stream = use("4.2", streaming_mean)
clients = [1, 8, 16, 32, 64]
memory = {
    "collect, then average": (clients, [megabytes_needed(keep_them_all, n) for n in clients]),
    "as a stream": (clients, [megabytes_needed(stream, n) for n in clients]),
}
lab.plots.lines(memory, x_label="clients in the round", y_label="memory (MB)", title="What the server has to hold")

# %% [markdown]
# **Explain.** 64 × 38,282 × 4 bytes are 9.8 million bytes: the steep line. The flat one does not care how many clients
# there are. fedteach's own mean works like yours, and that is why it can play through 3,500 clients on a laptop.

# %% [markdown]
# ## 4.3 What must not be averaged
#
# The mean believes everybody. Here is one round of a federation, kept in a list so that we can look at it:

# %%
kept = []


def keep_and_average(updates):
    """Average as ever, and keep a copy of what came in."""
    kept.extend(updates)
    return weighted(kept)


experiment = Experiment(clients=5, split="1", epochs=3, client_accuracy=False)
experiment.federation(aggregate=keep_and_average).run(1)

for update in kept:
    print(f"client {update.client}: round {update.round}, {update.n_examples} examples, {len(update.delta)} arrays")

# %% [markdown]
# > **Predict.** One client's computer has a bad memory chip, and a *single* number of its update becomes `NaN` ("not a
# > number"). The model has 38,282 numbers. What becomes of the mean?

# %%
broken = replace(kept[2], delta=[tensor.copy() for tensor in kept[2].delta])
broken.delta[0].flat[0] = np.nan
mean = weighted([*kept[:2], broken, *kept[3:]])

print("numbers of the first array that are NaN:", int(np.isnan(mean[0]).sum()), "of", mean[0].size)

# %% [markdown]
# **Explain.** "Only one number", and the model is lost all the same. NaN plus anything is NaN, so in the next round
# every client that computes with this number gets a loss of NaN, and after one step of training nearly all its weights
# are NaN. Then comes the mean over everybody. So updates are looked at *before* they are averaged. Refuse
#
# - numbers that are not finite: NaN and the infinities,
# - arrays that do not fit the model: too few or too many of them, or one of another shape,
# - an answer to an *earlier round*: it starts from a model that is gone,
# - a *second answer* of the same client in a round,
# - an update that counts less than one example.
#
# The last but one looks harmless. The first edition of this course added up `total_num_data` whenever a client
# reported, and took the mean of the *weights* themselves. When a client reported twice, the total was too large, and
# the shares did not sum to 1 any more. See what that does:

# %%
running = {}


def shares_that_do_not_sum_to_one(updates):
    """Average the clients' weights as if client 0 had been counted twice in the total."""
    updates, before = list(updates), running["federation"].weights
    n = sum(update.n_examples for update in updates) + updates[0].n_examples
    after = [sum(update.n_examples / n * (w + update.delta[i]) for update in updates) for i, w in enumerate(before)]
    return [a - w for a, w in zip(after, before)]


running["federation"] = experiment.federation(aggregate=shares_that_do_not_sum_to_one)
runs = {
    "shares sum to 1": experiment.federation().run(8),
    "shares sum to 5/6": running["federation"].run(8),
}
lab.plots.compare(runs, title="One client counted twice", subtitle="5 clients; the total is too large by a fifth")

# %% [markdown]
# **Explain.** Every round shrinks all weights to 5/6 of what they should be. At first learning is faster than
# shrinking, so the fault hides; then it eats the model. No error message, just a curve that bends down. With *deltas*,
# as we average them here, the same fault would only make the steps shorter: one more reason to send deltas.
#
# **Your turn.** Write `accept`. It returns two things: the list of updates that may be averaged, in the order in which
# they came, and a dictionary that gives, for each client whose update was refused, the reason in a few words. Of two
# answers of one client the first *good* one counts; so a client may stand in both, refused first and accepted later.


# %%
def accept(updates, round, like):
    """Sort a round's updates into those that may be averaged and those that may not.

    updates: the updates as they came in.
    round: the number of this round.
    like: a list of arrays shaped as every delta should be.
    Returns (accepted, refused): a list of updates, and a dict client -> reason.
    """
    # BEGIN SOLUTION 4.3
    accepted, refused, seen = [], {}, set()
    for update in updates:
        if update.round != round:
            refused[update.client] = f"answers round {update.round}, and this is round {round}"
        elif update.client in seen:
            refused[update.client] = "has answered already"
        elif update.n_examples < 1:
            refused[update.client] = f"trained on {update.n_examples} examples"
        elif [tensor.shape for tensor in update.delta] != [tensor.shape for tensor in like]:
            refused[update.client] = "its arrays do not fit the model"
        elif not all(np.isfinite(tensor).all() for tensor in update.delta):
            refused[update.client] = "holds NaN or infinite numbers"
        else:
            seen.add(update.client)
            accepted.append(update)
    return accepted, refused
    # END SOLUTION 4.3


check("4.3", accept)
# hint("4.3")  # remove the first # for a hint

# %% [markdown]
# Try it on a bad day: client 2's memory chip is broken, client 3 answers an old round, and client 4 answers twice.

# %%
bad_day = [*kept[:2], broken, replace(kept[3], round=0), kept[4], kept[4]]
accepted, refused = use("4.3", accept)(bad_day, 1, kept[0].delta)

print("averaged:", ", ".join(f"client {update.client}" for update in accepted))
for client, reason in refused.items():
    print(f"refused:  client {client}: {reason}")

# %% [markdown]
# The round goes on with three clients of five. That is how it should be: nobody's broken laptop may stop the class.

# %% [markdown]
# ## 4.4 The median against a poisoned client
#
# Your gate keeps out what is *broken*. It cannot see a *lie*. A poisoned client sends a perfectly well-formed update
# that points the wrong way. Here client 1 trains honestly, turns its update round and makes it five times as long:


# %%
def attacked(rule):
    """Let client 1 poison the round before a rule sees it."""

    def poisoned_rule(updates):
        updates = list(updates)
        updates[1] = replace(updates[1], delta=[-5 * tensor for tensor in updates[1].delta])
        return rule(updates)

    return poisoned_rule


# %% [markdown]
# > **Predict.** One of five clients lies. With the weighted mean, will the model learn more slowly, not at all, or
# > forget what it knew? And would it help to know which client lies, if all you have is the mean?
#
# **Explain.** The sum of four honest updates is about as long as the lie, which points the other way, so they cancel.
# In a mean, one client that shouts loudly enough decides.
#
# The **median** does not listen to how loud somebody shouts. Put the values in order and take the one in the middle (of
# an even number, the mean of the two in the middle): of 1, 2 and 1000 that is 2, and it would still be 2 if the third
# one said a million. A model has many numbers, so this is done for every single one: of all clients' first numbers, of
# all second numbers, and so on.
#
# **Your turn.** Write `median_update`. Each client counts once, whatever number of examples it claims to have. The
# median needs all updates at once, so `list(updates)` is fine here. Raise a `ValueError` if there is none.


# %%
def median_update(updates):
    """Take the median of each single number over the clients.

    updates: the round's updates; you can go through them once.
    Returns a list of arrays, shaped like one update's delta.
    """
    # BEGIN SOLUTION 4.4
    deltas = [update.delta for update in updates]
    if not deltas:
        raise ValueError("nothing to take the median of: no client answered")
    return [np.median(np.stack(tensors), axis=0) for tensors in zip(*deltas)]
    # END SOLUTION 4.4


check("4.4", median_update)
# hint("4.4")  # remove the first # for a hint

# %%
median = use("4.4", median_update)
runs = {
    "mean, all honest": experiment.federation(aggregate=weighted).run(6),
    "mean, one poisoned": experiment.federation(aggregate=attacked(weighted)).run(6),
    "median, one poisoned": experiment.federation(aggregate=attacked(median)).run(6),
}
lab.plots.compare(
    runs, title="One of five clients lies", subtitle="Client 1 turns its update round, five times as long"
)

# %% [markdown]
# **Explain.** With the mean the model stays at guessing, about 10 %. With the median it learns almost as well as if
# nobody lied.
#
# So why does not everybody use the median? Look at clients who are all honest, but hold very different digits
# (experiment 4 of the course: a few digits dominate at each client):

# %%
skewed = Experiment(clients=5, split="4", epochs=3, client_accuracy=False)
runs = {
    "mean": skewed.federation(aggregate=weighted).run(8),
    "median": skewed.federation(aggregate=median).run(8),
}
lab.plots.compare(runs, title="All honest, but all different", subtitle="5 clients with skewed data, nobody lies")

# %% [markdown]
# **Explain.** Suppose one client alone has sevens. Its wish to learn them is far away from what the others say, just
# like a lie, and the median drops it just the same. From the outside, *unusual* and *malicious* look alike. That is the
# price of every rule that withstands attackers, and the reason why there are many of them: trimmed means and Krum,
# which fedteach has too (`Experiment(aggregate="trimmed_mean:0.2")`, `Experiment(aggregate="krum:1")`).

# %% [markdown]
# ## Questions to think about
#
# 1. A client *says* that it has 600 examples. How could it use that to get more than its share in 4.1? What could the
#    server do, when it never sees an example?
# 2. Two of five clients lie, and agree on what to say. What does the median make of it? And three of five?
# 3. If updates are encrypted so that the server only ever sees their *sum*, which of this notebook's functions still
#    work?
#
# ## Sources
#
# - FedAvg and its weighted mean: H. B. McMahan et al., *Communication-Efficient Learning of Deep Networks from
#   Decentralized Data*, 2017, [arXiv:1602.05629](https://arxiv.org/abs/1602.05629), Algorithm 1.
# - The median for every single number: D. Yin et al., *Byzantine-Robust Distributed Learning: Towards Optimal
#   Statistical Rates*, 2018, [arXiv:1803.01498](https://arxiv.org/abs/1803.01498), Definition 1.
# - Krum: P. Blanchard et al., *Machine Learning with Adversaries: Byzantine Tolerant Gradient Descent*, 2017,
#   [arXiv:1703.02757](https://arxiv.org/abs/1703.02757).
#
# **Next:** `05_global_update`. The server knows where to go. How far should it follow?
