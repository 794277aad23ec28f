# %% [markdown]
# # Step 5, global update: how far to follow
#
# *About 40 minutes. You write six functions, one to ten lines each.*
#
# The server has made one change out of all updates. Now its model has to move. The plain way is to add the change and
# be done. There are better ways when the rounds disagree with one another, and after the move comes the question that
# everybody asks: how good is the model now? It is surprisingly easy to answer that for the wrong model.
#
# After this notebook you can
#
# - move the global model without spoiling the one you had,
# - give the server a memory, with momentum and with Adam, and say what each of them costs,
# - measure the right model in the right round,
# - write a log that another program can read years later.

# %%
import json
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from fedteach import Experiment, History, NotStarted, check, hint, lab, panel, progress, reset, use
from fedteach.steps.global_update import ServerOptimizer

# %% [markdown]
# ## Where we are
#
# This is the last of the five steps. What comes out of it is sent to the clients, and the next round begins.

# %%
lab.plots.five_steps(highlight=5)

# %% [markdown]
# The federation of this notebook is a hard one. Twenty clients hold skewed data (experiment 4: a few digits dominate at
# each client), and only **three** of them take part in a round, as with phones of which most are busy or asleep. Each
# row of the picture is a client:

# %%
few = Experiment(clients=20, fraction=0.15, split="4", model="logistic", rounds=30, epochs=3, client_accuracy=False)
lab.plots.label_heatmap(few.label_counts(), few.client_ids(), few.class_names())

# %%
held, there = int(few.label_counts().sum()), len(few.load_data().train.y)
print(f"the twenty hold {held:,} digits together; there are {there:,} different ones")

# %% [markdown]
# There are more digits than different ones because experiment 4 deals generously: most digits lie at several clients.
# So a curve of this notebook should not be held against one of a federation that shares out each digit once. All runs
# here use one and the same deal, and these we may compare.
#
# To keep things quick and easy to look into, the model is a small one, *logistic regression*: one tensor of 64 × 10
# weights, one for each pixel and each digit, and another one of 10.

# %% [markdown]
# ## 5.1 Adding the delta
#
# > **Predict.** A careful server keeps the model of every round in an album, to go back if a round goes wrong. Its
# > model has one number, 1, and the deltas of three rounds are 1, 2 and 3. What is in the album afterwards?

# %%
model = [np.array([1.0], np.float32)]
album = []
for change in (1, 2, 3):
    for tensor in model:
        tensor += change
    album.append(model)

print("rounds 1, 2, 3:", [[tensor.tolist() for tensor in page] for page in album])

# %% [markdown]
# **Explain.** Not 2, 4 and 7. `tensor += change` makes no new array, it changes the one that is there, *in place*. All
# three pages of the album show the same array, and so would everybody else to whom the server had given it: a client
# that still trains, a program that saves the model, a plot.
#
# It happens to professionals. Users of the framework FedML reported that FedAvg would not get beyond 50 % accuracy. One
# cause that they tracked down: the global model was handed on without being copied.
#
# **Your turn.** Write `apply_delta`: return the weights plus the delta, in **new** arrays of float32 like those that
# came in. A model is a list of arrays, one for each tensor, and so is the delta. For example, `[array([1., 2.])]` and
# `[array([0.5, -3.])]` give `[array([1.5, -1.])]`.


# %%
def apply_delta(weights, delta):
    """Move the global model by the delta.

    weights: a list of float32 arrays, the global model.
    delta: a list of float32 arrays of the same shapes, the mean of the clients' changes.
    Returns a list of new float32 arrays; weights and delta stay as they are.
    """
    # BEGIN SOLUTION 5.1
    return [w + d for w, d in zip(weights, delta)]
    # END SOLUTION 5.1


check("5.1", apply_delta)
# hint("5.1")  # remove the first # for a hint

# %% [markdown]
# From here on the notebook works with your function. (If it is not ready yet, ours is used, and a line says so.)

# %%
add = use("5.1", apply_delta)

# %% [markdown]
# > **Predict.** In each round, three of the twenty clients pull the model towards the few digits that they know. What
# > will the curve of the server's accuracy look like?
#
# Press **Run** and watch your function move the model. (Some 10 seconds.)

# %%
board = panel(few, global_update=add)

# %% [markdown]
# Here is the same run once more without the panel. This time we write down the delta of every round; we shall need
# them. (Some 10 seconds. Sections 5.2 to 5.4 look back at this run, so do not leave it out.)

# %%
deltas = []


def add_and_write_down(weights, delta):
    """Move the model as ever, and keep a copy of the delta."""
    deltas.append([tensor.copy() for tensor in delta])
    return add(weights, delta)


federation = few.federation(global_update=add_and_write_down)
start = federation.weights
plain = federation.run(30)

rises = np.diff(plain.server_accuracy)
print("rounds in which the accuracy fell by more than 3 points:", int((rises < -0.03).sum()), "of", len(rises))

# %% [markdown]
# **Explain.** The model learns, but it staggers. When the three clients of a round happen to hold few sevens, it
# forgets some of what it knew about sevens, and the next three pull another way. Every delta is the opinion of three,
# and plain adding follows it all the way.

# %% [markdown]
# ## 5.2 Momentum on the server
#
# A heavy ball that rolls down a valley does not turn with every pebble. It has a **velocity** $v$: some of it stays
# from round to round, and each delta $\Delta$ gives it a push.
#
# $$v \leftarrow \beta\, v + \Delta, \qquad w \leftarrow w + \eta\, v$$
#
# $\beta$ (beta) says how much of the old velocity stays, and $\eta$ (eta, the server's learning *rate*) how far to go.
# With $\beta = 1/2$ and a ball at rest:
#
# | deltas | velocity |
# | --- | --- |
# | 4, 4, 4, 4 | 4, 6, 7, 7.5, and on towards 8 |
# | 4, -4, 4, -4 | 4, -2, 3, -2.5, and on towards ±2.67 |
#
# Where the rounds agree the velocity grows, to $1/(1-\beta)$ times the delta. Where they contradict each other it
# shrinks. Used by the server of a federation, this is called **FedAvgM**.
#
# **Your turn.** Write `momentum_step`. It returns two things, the new weights and the new velocity; the next round gets
# that velocity back. Mind the order: the weights move along the *new* velocity.


# %%
def momentum_step(weights, delta, velocity, beta, rate):
    """Move the global model along a velocity that the delta pushes.

    weights, delta, velocity: lists of arrays of the same shapes.
    beta: how much of the velocity stays, from 0 to below 1.
    rate: how far the weights go along the new velocity.
    Returns (weights, velocity), both new lists of new arrays.
    """
    # BEGIN SOLUTION 5.2
    velocity = [beta * v + d for v, d in zip(velocity, delta)]
    weights = [w + rate * v for w, v in zip(weights, velocity)]
    return weights, velocity
    # END SOLUTION 5.2


check("5.2", momentum_step)
# hint("5.2")  # remove the first # for a hint

# %%
move = use("5.2", momentum_step)

# %% [markdown]
# See it on a single weight first. Its deltas are +3, -1, +3, -1 and so on: it ought to go up by 1 a round, and zigzags.

# %%
zigzag = [[np.array([change], np.float32)] for change in (3, -1) * 12]
rounds = list(range(len(zigzag) + 1))

added, rolling, velocity = [[np.zeros(1, np.float32)]], [[np.zeros(1, np.float32)]], [np.zeros(1, np.float32)]
for delta in zigzag:
    added.append(add(added[-1], delta))
    moved, velocity = move(rolling[-1], delta, velocity, 0.9, 0.1)
    rolling.append(moved)

paths = {
    "adding": (rounds, [weights[0][0] for weights in added]),
    "momentum": (rounds, [weights[0][0] for weights in rolling]),
}
lab.plots.lines(
    paths,
    x_label="round",
    y_label="the weight",
    title="One weight on its way up",
    subtitle="Deltas +3 and -1 in turn; momentum with beta 0.9 and rate 0.1",
)

# %% [markdown]
# **Explain.** The ball needs some rounds to get going. Then it climbs nearly as fast as plain adding, and almost
# straight.
# (The rate is 0.1 because the velocity grows to 10 times the delta: $1/(1-0.9) = 10$.)
#
# Now the hard federation. A server that remembers something is a pair of functions: one makes the memory before round
# 1, the other one takes the memory of the last round and gives back the new one.


# %%
def at_rest(weights):
    """Return the memory before round 1: no velocity at all."""
    return {"v": [np.zeros_like(w) for w in weights]}


def roll(weights, delta, memory):
    """Move the model by momentum, and remember the velocity."""
    weights, velocity = move(weights, delta, memory["v"], 0.9, 0.3)
    return weights, {"v": velocity}


with_momentum = few.federation(global_update=ServerOptimizer("my momentum", at_rest, roll)).run(30)
lab.plots.compare(
    {"adding": plain, "momentum": with_momentum},
    title="A server that follows, and one that rolls",
    subtitle="3 of 20 clients a round, skewed data; momentum with beta 0.9 and rate 0.3",
)

# %% [markdown]
# **Explain.** Momentum begins more slowly: in round 1 it goes only 0.3 of the way. From about round 10 on it is ahead,
# and it does not stagger any more. The velocity is a mixture of the last ten rounds or so: thirty opinions rather than
# three.
#
# It is no magic. With a rate of 1 the ball goes too fast here, and overshoots as badly as plain adding staggers; and
# where all clients take part in every round there is little to smooth. Try it: change the 0.3, then the seed of `few`.

# %% [markdown]
# ## 5.3 Adam on the server
#
# Momentum treats all weights alike. But some weights get large deltas and others tiny ones:

# %%
sizes = np.abs(deltas[0][0])
print("weights of the first tensor:", sizes.size)
print("delta exactly 0:            ", int((sizes == 0).sum()))
print("of the others, 1 in 10 below:", f"{np.quantile(sizes[sizes > 0], 0.1):.4f}")
print("and 1 in 10 above:           ", f"{np.quantile(sizes[sizes > 0], 0.9):.4f}")

# %% [markdown]
# Seven of the 64 pixels were white in every image of the three clients of this round, so their 70 weights did not move
# at all. (Six are white in all training digits, and their weights never move.) At the edge there are pixels with ink
# now and then; their deltas are a hundred times smaller than those in the middle. If such a weight matters, plain
# adding will take ages to move it.
#
# **Adam** gives every weight a step of its own. It remembers two things: $m$, a running mean of the deltas (momentum
# once more, but the delta counts only $1-\beta_1$), and $v$, a running mean of their *squares*, which says how large
# this weight's deltas have been lately. The step is the one divided by the root of the other:
#
# $$m \leftarrow \beta_1 m + (1-\beta_1)\,\Delta, \qquad v \leftarrow \beta_2 v + (1-\beta_2)\,\Delta^2, \qquad
# w \leftarrow w + \eta\,\frac{m}{\sqrt{v} + \tau}$$
#
# The small number $\tau$ (tau) keeps the division from being 0 / 0. All of this is done for every number on its own:
# $\Delta^2$ squares each one, and numpy does just that with `d**2`. At the start $m = 0$ and $v = \tau^2$.
#
# One weight with real numbers: $w = 10$, $\Delta = 7$, $m = 1$, $v = 5$, with $\beta_1 = 1/2$, $\beta_2 = 3/4$,
# $\tau = 2$, $\eta = 6$.
#
# $$m = 0.5 + 3.5 = 4, \qquad v = 3.75 + \tfrac{49}{4} = 16, \qquad w = 10 + 6 \cdot \frac{4}{4 + 2} = 14$$
#
# Do you know Adam from training neural networks? Three things differ here. The step is *added*, because a delta
# points downhill already, and a gradient points uphill. The so-called bias correction is left out. And $v$ starts at
# $\tau^2$, not at 0.
#
# **Your turn.** Write `adam_step`. It returns the new weights, the new m and the new v.


# %%
def adam_step(weights, delta, m, v, rate, beta1, beta2, tau):
    """Move each weight of the global model by a step of its own.

    weights, delta, m, v: lists of arrays of the same shapes.
    rate, beta1, beta2, tau: numbers, as in the formulas.
    Returns (weights, m, v), all new lists of new arrays.
    """
    # BEGIN SOLUTION 5.3
    m = [beta1 * old + (1 - beta1) * d for old, d in zip(m, delta)]
    v = [beta2 * old + (1 - beta2) * d**2 for old, d in zip(v, delta)]
    # The root of v alone, then tau: under the root, tau would count for much more.
    steps = [rate * mean / (np.sqrt(square) + tau) for mean, square in zip(m, v)]
    return [w + step for w, step in zip(weights, steps)], m, v
    # END SOLUTION 5.3


check("5.3", adam_step)
# hint("5.3")  # remove the first # for a hint

# %%
adam = use("5.3", adam_step)
tau = 0.001  # smaller than most deltas

# %% [markdown]
# > **Predict.** Five weights get the deltas 0, 0.001, 0.01, 0.1 and 1. How far does Adam move each of them in the first
# > round, with a rate of 0.03? Guess at least the last two.

# %%
five = np.array([0, 0.001, 0.01, 0.1, 1], np.float32)
zeros = np.zeros(5, np.float32)
moved, _, _ = adam([zeros], [five], [zeros], [zeros + tau**2], 0.03, 0.9, 0.99, tau)

for change, step in zip(five, moved[0]):
    print(f"delta {change:5.3f}  ->  step {step:.4f}")

# %% [markdown]
# **Explain.** From the third weight to the last the delta grows a hundredfold, and the step only from about 0.012 to
# 0.030. However large the delta, with these betas no weight goes further than the rate in round 1. So the rate of Adam
# is a *distance*, while the rate of momentum is a share of the delta.
#
# > **Predict.** Plain adding is at home with a rate of 1. What will Adam do with a rate of 1? And with 0.003?


# %%
def adam_server(rate):
    """Return a server that moves by Adam."""

    def begin(weights):
        return {"m": [np.zeros_like(w) for w in weights], "v": [np.full_like(w, tau**2) for w in weights]}

    def step(weights, delta, memory):
        weights, m, v = adam(weights, delta, memory["m"], memory["v"], rate, 0.9, 0.99, tau)
        return weights, {"m": m, "v": v}

    return ServerOptimizer(f"my adam {rate}", begin, step)


runs = {"adding": plain, "momentum": with_momentum}
for rate in (0.003, 0.03, 1.0):
    runs[f"Adam, rate {rate:g}"] = few.federation(global_update=adam_server(rate)).run(30)
lab.plots.compare(runs, title="Adam wants the right rate", subtitle="3 of 20 clients a round, skewed data")

# %% [markdown]
# **Explain.** With 0.03 Adam does about as well as momentum, and is as calm. With 0.003 it crawls: thirty rounds of
# tiny steps do not get far. With 1 every weight jumps, and the model is thrown about worse than by plain adding.
#
# So Adam is no better here, only more work to tune. That fits what its authors saw: little to win on handwritten
# characters, much on predicting the next word of a sentence. There most words are rare, and so most weights get tiny
# deltas most of the time. With 64 pixels hardly anything is rare.

# %% [markdown]
# ## 5.4 The right model in the right round
#
# The first edition of this course left a log behind. These are the accuracies that it gives for the server's model in
# three rounds:
#
# $$0.889 \qquad 0.671 \qquad 0.891$$
#
# > **Predict.** What happened in round 2? Write down your best explanation before you read on.
#
# **Explain.** Nothing happened in round 2. The server computed its new weights and evaluated, but the model that it
# evaluated did not hold them yet. So it tested whatever was still in there, and every entry came one round late:
#
# | entry | the model that was tested |
# | --- | --- |
# | 0.889 | no model of the server's: that of the client which came last |
# | 0.671 | the server's model after round **1** |
# | 0.891 | the server's model after round **2** |
#
# The model after the last round was never tested at all. And why is the model after round 1 so bad? In that first round
# every client began from random weights of its own, and the mean of strangers knows little. That was a second fault,
# and the first one hid it: who looks for a mistake in round 1 when the curve dips in round 2?
#
# **Your turn.** Write `play`, the loop of a run in its barest form. In each of the rounds 1, 2, ..., `rounds` it
#
# - calls `next_delta(weights, r)` with the newest weights and the number of the round, which returns a delta,
# - moves the weights by that delta,
# - calls `evaluate(weights)` once, which returns the accuracy of these weights.
#
# It returns two things: the last weights, and the list of accuracies whose entry for round r belongs to the model
# *after* round r. The check looks at which weights your function evaluates, and when.


# %%
def play(weights, next_delta, evaluate, rounds):
    """Play some rounds, and measure the model after each.

    weights: a list of arrays, the model before round 1; it stays as it is.
    next_delta: a function (weights, r) -> delta of round r.
    evaluate: a function (weights) -> accuracy, a number.
    rounds: how many rounds to play, at least 1.
    Returns (weights, accuracies): the last model, and a list of numbers, one for each round.
    """
    # BEGIN SOLUTION 5.4
    accuracies = []
    for r in range(1, rounds + 1):
        delta = next_delta(weights, r)
        weights = [w + d for w, d in zip(weights, delta)]
        accuracies.append(evaluate(weights))  # after the move: this is the model that a user would get
    return weights, accuracies
    # END SOLUTION 5.4


check("5.4", play)
# hint("5.4")  # remove the first # for a hint

# %% [markdown]
# We wrote down the deltas of the first run. So your loop can play it again, and it should find the same accuracies as
# the federation did. Testing a logistic regression takes three lines:

# %%
test = few.load_data().test


def accuracy_of(weights):
    """Return the share of the test digits that a model gets right."""
    kernel, bias = weights
    scores = test.x.reshape(len(test.x), -1) @ kernel + bias
    return float(np.mean(scores.argmax(axis=1) == test.y))


last, accuracies = use("5.4", play)(start, lambda weights, r: deltas[r - 1], accuracy_of, 30)

print("the federation said:", plain.server_accuracy[:5], "...")
print("your loop says:     ", accuracies[:5], "...")
print("the same in all 30 rounds:", accuracies == plain.server_accuracy)

# %% [markdown]
# Now let us make both old faults once more: clients that begin as strangers (`common_init=False`), and a log that comes
# one round late.

# %%
strangers = Experiment(clients=5, split="1", model="2nn", rounds=5, epochs=10, common_init=False)
history = strangers.federation().run(5)

right = history.server_accuracy
# The old server's first entry was the model of the client that came last.
late = [history.client_metric("4")[0], *right[:-1]]

lab.plots.lines(
    {"the right model": ([1, 2, 3, 4, 5], right), "one round late": ([1, 2, 3, 4, 5], late)},
    x_label="round",
    y_label="accuracy (%)",
    title="The same run, written down in two ways",
    subtitle="5 clients that began from different random weights",
    percent=True,
)

# %% [markdown]
# **Explain.** Both lines are the same run. One says: the first mean is bad, and the next round mends it. The other one
# tells a tale of a model that was good, broke down in round 2 and recovered. It has the shape of the old log: high,
# low, high.
#
# A wrong curve looks just like a curve. The only protection is to know, for each number, which model it was measured
# on.

# %% [markdown]
# ## 5.5 The log
#
# A run that is not written down did not happen. The course has written its logs in the same form since its first
# edition: a JSON file (a text that nearly every program can read) with these keys, letter by letter.
#
# | key | what stands there |
# | --- | --- |
# | `client number` | how many clients there are |
# | `experiment` | 1, 2, 3 or 4 |
# | `max round` | how many rounds were planned |
# | `clients acc` | for each client, its id as a text -> the list of its accuracies |
# | `server acc` | the list of the server's accuracies |
# | `final weight` | `null` in the file, `None` in Python: weights are kept in a file of their own |
#
# (The first edition put all weights into the log, 1.2 million numbers as text: tens of megabytes to read before one
# sees a single accuracy.)
#
# > **Predict.** JSON knows text, numbers, lists and dictionaries. What becomes of a key that is a number, and of a
# > number that comes from numpy?

# %%
print("written:  ", {0: [0.5]})
print("read back:", json.loads(json.dumps({0: [0.5]})))

for value in (np.float64(0.5), np.float32(0.5), np.array(0.5), np.array([0.5, 0.75])):
    try:
        print(f"{value!r}: written as {json.dumps(value)}")
    except TypeError as error:
        print(f"{value!r}: {error}")

# %% [markdown]
# **Explain.** The key 0 comes back as the text `"0"`, without a word. Of numpy's numbers, `float64` is written, because
# it is a Python `float` as well. The others are not, and no array is: the error comes at the very end of a run, when
# there is something to save.
#
# **Your turn.** Write `make_log`. The clients' ids may be numbers or text; make them text with `str(...)`. The
# accuracies come as lists or arrays, and what is in a list may itself be a number of numpy; `float(...)` makes a plain
# number of each. `make_log(2, 1, 2, {0: [0.5, 0.75], 1: [0.25, 0.625]}, [0.5, 0.875])` returns
#
# ```
# {"client number": 2, "experiment": 1, "max round": 2,
#  "clients acc": {"0": [0.5, 0.75], "1": [0.25, 0.625]},
#  "server acc": [0.5, 0.875], "final weight": None}
# ```


# %%
def make_log(client_number, experiment, max_round, clients_acc, server_acc):
    """Return the log of a run as a dictionary that JSON can write.

    client_number, experiment, max_round: whole numbers.
    clients_acc: a dict, client's id -> its accuracies, one for each round.
    server_acc: the server's accuracies, one for each round.
    Returns a dict with the six keys of the log.
    """
    # BEGIN SOLUTION 5.5
    return {
        "client number": client_number,
        "experiment": experiment,
        "max round": max_round,
        "clients acc": {str(client): [float(a) for a in accs] for client, accs in clients_acc.items()},
        "server acc": [float(a) for a in server_acc],
        "final weight": None,
    }
    # END SOLUTION 5.5


check("5.5", make_log)
# hint("5.5")  # remove the first # for a hint

# %% [markdown]
# ## 5.6 The name of a log
#
# A student in Seoul and one in Lisbon run the same federation at the same moment. Their clocks differ by eight or nine
# hours, and where clocks are put back in autumn the same hour comes twice. So logs are named by the one time that all
# share: **UTC**, coordinated universal time. The name is `YYYYmmdd_HHMMSS.json`, which has a second advantage: sorted
# by name, logs are sorted by time.
#
# Computers count time in seconds since the beginning of 1970 in UTC; `time.time()` says how many there have been.
# `datetime.fromtimestamp(seconds, tz=...)` makes a date of them, in the time zone that you name (we have imported `UTC`
# above); if you name none, it takes that of the computer. And `strftime` writes a date in a form of your choice:
#
# | `%Y` | `%m` | `%d` | `%H` | `%M` | `%S` | `%y` | `%I` |
# | --- | --- | --- | --- | --- | --- | --- | --- |
# | year, 4 digits | month | day | hour, 0-23 | minute | second | year, 2 digits | hour, 1-12 |
#
# **Your turn.** Write `log_name`. For 1646370367 seconds it returns `"20220304_050607.json"`: the 4th of March 2022,
# six minutes and seven seconds past five in UTC.


# %%
def log_name(now):
    """Return the name of a log.

    now: seconds since the beginning of 1970 in UTC, a number.
    Returns a text such as "20220304_050607.json", in UTC wherever the computer stands.
    """
    # BEGIN SOLUTION 5.6
    # Without tz, Python would take the clock on this computer's wall.
    return datetime.fromtimestamp(now, tz=UTC).strftime("%Y%m%d_%H%M%S.json")
    # END SOLUTION 5.6


check("5.6", log_name)
# hint("5.6")  # remove the first # for a hint

# %% [markdown]
# Now write the log of the last run, and read it back as somebody else would: from the file alone.

# %%
clients_acc = {int(client): np.array(history.client_metric(client), np.float32) for client in history.client_ids}
log = use("5.5", make_log)(5, 1, 5, clients_acc, history.server_accuracy)

path = Path("logs") / use("5.6", log_name)(time.time())
path.parent.mkdir(exist_ok=True)
path.write_text(json.dumps(log), encoding="utf-8")
print(f"{path.stat().st_size} bytes written to {path.parent} as {path.name}")

lab.plots.accuracy(History.from_json(path))

# %% [markdown]
# Look at round 1: every client's own model reads about four digits of five, and the mean of the five reads about one in
# four. Nobody who has this log will take it for a fault of round 2.

# %% [markdown]
# ## Questions to think about
#
# 1. In 5.2 a client may be asked again after 20 rounds. Does the velocity remember what it said last time? With
#    $\beta = 0.9$, how much of a delta is left after 20 rounds?
# 2. The velocity stays on the server. Would it still be the same method if each *client* kept a velocity of its own?
#    What would have to travel, and what if a client comes back only rarely?
# 3. The server measures every round on the same 500 test digits, and you choose the rate that does best on them. Is the
#    best accuracy you saw a fair promise for new digits?
#
# ## Sources
#
# - Adding the mean: H. B. McMahan et al., *Communication-Efficient Learning of Deep Networks from Decentralized Data*,
#   2017, [arXiv:1602.05629](https://arxiv.org/abs/1602.05629), Algorithm 1.
# - Momentum on the server (FedAvgM): T.-M. H. Hsu, H. Qi and M. Brown, *Measuring the Effects of Non-Identical Data
#   Distribution for Federated Visual Classification*, 2019, [arXiv:1909.06335](https://arxiv.org/abs/1909.06335),
#   section 4.3.
# - Adam on the server (FedAdam): S. J. Reddi et al., *Adaptive Federated Optimization*, 2021,
#   [arXiv:2003.00295](https://arxiv.org/abs/2003.00295), Algorithm 2.
# - Adam itself: D. P. Kingma and J. Ba, *Adam: A Method for Stochastic Optimization*, 2015,
#   [arXiv:1412.6980](https://arxiv.org/abs/1412.6980).
# - The model that was not copied: [issue 115 of FedML](https://github.com/FedML-AI/FedML/issues/115).
#
# **Next:** `06_experiments`. All five steps are yours now; put them together and find something out.
