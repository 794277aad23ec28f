# %% [markdown]
# # Step 3, local update: what a client does with its examples
#
# *About 40 minutes. You write seven short functions, one to twelve lines each.*
#
# This is the step in which something is learnt. Every client takes the server's model and trains it on its own
# examples, which nobody else ever sees. How well that goes depends on two things: **what a client holds**, and **how
# long it trains** before it hears from the others again.
#
# After this notebook you can
#
# - share out data among clients in four ways, from easy to hard,
# - write the training loop of a client yourself, with a gradient tape,
# - measure how far clients drift apart, and say when that costs accuracy and when it does not,
# - add FedProx' pull, and say what it gives and what it takes.
#
# (After a restart of the kernel, go to where you were and choose *Run > Run All Above Selected Cell*: later cells need
# the functions of earlier ones, also those that are not finished.)

# %%
import numpy as np

from fedteach import Experiment, NotStarted, Plan, check, data, hint, lab, panel, progress, reset, rng_for, steps, use

# %% [markdown]
# ## Where we are
#
# The third of the five steps: the clients have the weights, and now they train.

# %%
lab.plots.five_steps(highlight=3)

# %% [markdown]
# ## Part 1: who holds what?
#
# In reality nobody shares out the data: they are where they came about. In a lab we have one data set and must *play*
# that it is spread over many clients. How we do that decides whether the task is easy or hard, so the first edition of
# this course had four ways of doing it, its "experiments" 1 to 4. You write all four.
#
# Here are the data: 1,297 handwritten digits for training. `labels` says which digit each one is.

# %%
digits = data.load("digits")
labels = digits.train.y

print("labels:", labels[:12], "... and so on,", len(labels), "in all")
print("how many of each digit:", np.bincount(labels))

# %% [markdown]
# A split says *where* a client's examples stand: it is a list with one array of places (row numbers, counted from 0)
# for each client. No picture is copied. Three tools will do for all four experiments. `rng` is a generator of random
# numbers; with the same seed it always gives the same ones.

# %%
rng = np.random.default_rng(0)
threes = np.flatnonzero(labels == 3)

print("the first threes stand at", threes[:5])
print("four of the threes:", rng.choice(threes, size=4), "  (the same place may come twice)")
print("whole numbers from 1 to 5:", rng.integers(1, 6, size=8), "  (the 6 is left out)")
print("joined:", np.concatenate([threes[:2], threes[-2:]]))

# %% [markdown]
# All four experiments draw *with replacement*: a client may get the same example twice, and two clients may hold the
# same one. So they work for any number of clients, however small the data set is.
#
# ## 3.1 Experiment 1: the same number of each class
#
# The easy case: everybody holds the same number of zeros, ones, twos and so on.
#
# The first edition wrote `num_samples // 10` for the number of each digit. For 600 examples that is right. For 64 it
# gives six of each, and four examples get lost without a word.
#
# **Your turn.** Write `split_uniform`: each of `n_clients` clients draws `per_client` examples, the same number of each
# class. If it does not come out even, the remainder goes to different classes, one each: 64 examples of ten classes are
# six of each, and one more of four classes (whichever you like). `np.unique(labels)` says which classes there are.


# %%
def split_uniform(labels, n_clients, per_client, rng):
    """Give every client the same number of each class.

    labels: the class of each example, an array of whole numbers.
    n_clients: how many clients there are.
    per_client: how many examples each client holds, all classes together.
    rng: draw with this generator and with nothing else.
    Returns a list of n_clients arrays of places, each of length per_client.
    """
    # BEGIN SOLUTION 3.1
    classes = np.unique(labels)
    each, rest = divmod(per_client, len(classes))
    parts = []
    for _ in range(n_clients):
        one_more = rng.permutation(classes)[:rest]
        places = []
        for label in classes:
            members = np.flatnonzero(labels == label)
            places.append(rng.choice(members, size=each + (label in one_more)))
        parts.append(np.concatenate(places))
    return parts
    # END SOLUTION 3.1


check("3.1", split_uniform)
# hint("3.1")  # remove the first # for a hint

# %% [markdown]
# Look at your split: one small histogram for each client.


# %%
def who_holds_what(parts):
    """Draw how many examples of each digit each client holds."""
    counts = data.label_counts(parts, labels, n_classes=10)
    return lab.plots.label_bars(counts, [str(i) for i in range(len(parts))], digits.classes)


who_holds_what(use("3.1", split_uniform)(labels, 8, 64, rng_for(0, "experiment 1")))

# %% [markdown]
# ## 3.2 Experiment 2: equal totals, drawn from everything
#
# > **Predict.** Now each client draws its 64 examples from *all* digits, without a look at the class. About six of each
# > digit will come. How far will the bars be from six: by one, by two or three, or by ten?
#
# **Your turn.** Write `split_random`. It is shorter than the one before.


# %%
def split_random(labels, n_clients, per_client, rng):
    """Give every client the same number of examples, drawn from everything.

    labels, n_clients, per_client, rng: as in 3.1.
    Returns a list of n_clients arrays of places, each of length per_client.
    """
    # BEGIN SOLUTION 3.2
    return [rng.integers(len(labels), size=per_client) for _ in range(n_clients)]
    # END SOLUTION 3.2


check("3.2", split_random)
# hint("3.2")  # remove the first # for a hint

# %%
who_holds_what(use("3.2", split_random)(labels, 8, 64, rng_for(0, "experiment 2")))

# %% [markdown]
# **Explain.** Most bars are off by one to three, a few by six or more. Chance alone makes clients a little different,
# and the fewer examples they hold, the more so. Still, all of them have some of nearly everything.
#
# ## 3.3 Experiment 3: totals that differ
#
# Now some clients hold much and others little: each one's total is drawn anew, any whole number from 1 to `per_client`,
# all equally likely. Then it draws that many examples from everything.
#
# The first edition had this loop in it, or nearly:
#
# ```python
# num_samples = rng.integers(1, num_samples)      # how many examples in this round
# ```
#
# > **Predict.** Start with 600. What becomes of `num_samples` after ten rounds of this? After twenty?
#
# **Explain.** The *limit* is overwritten by what was drawn, so every draw eats up about half of what is left: 600,
# then perhaps 310, 122, 40, 11. After a handful of rounds there is a single example, and then `rng.integers(1, 1)` has
# nothing to draw from and stops with an error. Nothing is wrong with the line alone; only the name on its left is.
#
# Mind the lower end too. A client without any example cannot train, and often nobody has thought of it: in the
# framework easyFL a run with 800 clients stopped with an error until it made sure of a smallest number.
#
# **Your turn.** Write `split_sizes`, with totals from 1 to `per_client`, both included.


# %%
def split_sizes(labels, n_clients, per_client, rng):
    """Give clients different numbers of examples, drawn from everything.

    labels, n_clients, rng: as in 3.1.
    per_client: the most examples that a client can have; the least is 1.
    Returns a list of n_clients arrays of places, of different lengths.
    """
    # BEGIN SOLUTION 3.3
    parts = []
    for _ in range(n_clients):
        total = rng.integers(1, per_client, endpoint=True)  # a name of its own: the limit must stay
        parts.append(rng.integers(len(labels), size=total))
    return parts
    # END SOLUTION 3.3


check("3.3", split_sizes)
# hint("3.3")  # remove the first # for a hint

# %%
who_holds_what(use("3.3", split_sizes)(labels, 8, 64, rng_for(0, "experiment 3")))

# %% [markdown]
# ## 3.4 Experiment 4: a few classes dominate
#
# The hard case, and the one that is most like reality: a doctor sees mostly the illnesses of her own field, a phone
# mostly the words of its owner. **Your turn.** Write `split_skewed`. For each client
#
# 1. draw how many times to draw a class: 1 to 9 times;
# 2. draw that many classes, with replacement. These *dominate*; a class that comes twice still dominates once;
# 3. draw for each class anew how many examples it gets: 60 to 109 if it dominates, 1 to 9 if not.
#
# All ranges include both ends, and every number in them is equally likely. There is no `per_client` here: the total is
# what comes out.


# %%
def split_skewed(labels, n_clients, rng):
    """Let a few classes dominate at each client, others at another.

    labels, n_clients, rng: as in 3.1.
    Returns a list of n_clients arrays of places, of different lengths.
    """
    # BEGIN SOLUTION 3.4
    classes = np.unique(labels)
    parts = []
    for _ in range(n_clients):
        wanted = rng.integers(1, 10, size=len(classes))
        dominating = np.unique(rng.integers(len(classes), size=rng.integers(1, 10)))
        wanted[dominating] = rng.integers(60, 110, size=len(dominating))
        places = [rng.choice(np.flatnonzero(labels == label), size=n) for label, n in zip(classes, wanted)]
        parts.append(np.concatenate(places))
    return parts
    # END SOLUTION 3.4


check("3.4", split_skewed)
# hint("3.4")  # remove the first # for a hint

# %%
who_holds_what(use("3.4", split_skewed)(labels, 8, rng_for(0, "experiment 4")))

# %% [markdown]
# Each client is an expert for some digits and hardly knows the others. Keep this picture in mind: all that follows is
# about what it does to the training. (Papers often draw the shares of each class from a Dirichlet distribution instead,
# with one number that says how uneven they are: `Experiment(split="dirichlet:0.3")`.)
#
# ## Part 2: the training itself
#
# ## 3.5 The loop
#
# A client trains by *stochastic gradient descent*, SGD for short. It takes a few of its examples, a **batch**. It asks:
# if I change each weight a little, how does the mean loss over this batch change? That is the **gradient**. Then it
# moves every weight a small step against it:
#
# $$w \leftarrow w - \eta \cdot \frac{1}{b} \sum_{i=1}^{b} \nabla \ell_i(w)$$
#
# with the learning rate $\eta$ and $b$ examples in the batch. One pass over all examples is an **epoch**; each epoch
# takes them in a new order.
#
# **By hand.** A model with one weight for each of two classes, all zero, so both classes get probability 1/2. The
# example $x = 2$ is of class 0. For class 0 the model says 1/2 and should say 1, so the error is $-1/2$, and the
# gradient of that weight is error times input: $-1/2 \cdot 2 = -1$. The example $x = 4$ is of class 1, so for class 0
# the model should say 0: error $+1/2$, gradient $+2$. The mean of $-1$ and $+2$ is $1/2$. With $\eta = 0.1$ the weight
# moves from 0 to $-0.05$.
#
# TensorFlow finds gradients for us. It takes a few seconds to start.

# %%
from fedteach import Client, Federation
from fedteach.quiet import tensorflow as tf
from fedteach.threads import settle

settle()  # one thread for each operation, so that a run repeats to the last digit

# %%
weight = tf.Variable(3.0)
with tf.GradientTape() as tape:  # the tape writes down what is computed in here
    loss = weight * weight
gradient = tape.gradient(loss, weight)  # and is read backwards: the slope of w * w at 3 is 6
weight.assign_sub(0.1 * gradient)  # 3 - 0.1 * 6

print(f"gradient {gradient.numpy():.1f}, and after one step the weight is {weight.numpy():.1f}")

# %% [markdown]
# Our models end in **logits**: one number for each class, not yet probabilities. The softmax, which makes probabilities
# of them, is part of the loss:
#
# ```python
# losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=model(x, training=True))
# ```
#
# gives one loss for each example, and `tf.reduce_mean` takes their mean. (The loss classes of Keras do the same, with
# `from_logits=True`.)
#
# **Your turn.** Write `local_sgd`. It trains the model it is given, *in place*, and returns nothing.
#
# - Go through the examples `plan.epochs` times. So that your curve can be repeated, begin each epoch with
#   `order = rng.permutation(len(x))`, and draw nothing else from `rng`.
# - Take the rows in this order, `plan.batch_size` at a time. The last batch of an epoch may be shorter; it counts too.
#   `plan.batch_size` may be `None`: then all examples make one batch.
# - For each batch, move every weight in `model.trainable_variables` against the gradient of the batch's mean loss, by
#   `plan.learning_rate` times that gradient.


# %%
def local_sgd(model, x, y, plan, rng):
    """Train the model in place on a client's examples, by plain SGD.

    model: a Keras model that holds the global weights and ends in logits.
    x: the client's examples, an array of shape (n, ...).
    y: their classes, an array of shape (n,).
    plan: plan.epochs, plan.batch_size (or None) and plan.learning_rate.
    rng: deals the order of each epoch.
    """
    # BEGIN SOLUTION 3.5
    size = plan.batch_size or len(x)
    for _ in range(plan.epochs):
        order = rng.permutation(len(x))
        for first in range(0, len(x), size):
            rows = order[first : first + size]
            with tf.GradientTape() as tape:
                logits = model(x[rows], training=True)
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y[rows], logits=logits)
                loss = tf.reduce_mean(losses)  # of the rows that there are: the last batch may be shorter
            gradients = tape.gradient(loss, model.trainable_variables)
            for weight, gradient in zip(model.trainable_variables, gradients):
                weight.assign_sub(plan.learning_rate * gradient)
    # END SOLUTION 3.5


check("3.5", local_sgd)
# hint("3.5")  # remove the first # for a hint

# %% [markdown]
# Press **Run**, and your loop trains five clients. (If it is not ready yet, ours is used, and a line says so.)

# %%
small = Experiment(clients=5, split="4", model="logistic", rounds=6, epochs=1, batch_size=16, learning_rate=0.1)
train = use("3.5", local_sgd)
board = panel(small, local_update=train)

# %% [markdown]
# > **Predict.** fedteach has a loop of its own, which is compiled and many times faster. With the same seed it takes
# > the same batches in the same order. How different will the two curves be?

# %%
own = small.federation(local_update=train).run(6)
compiled = small.federation().run(6)

print("yours:     ", [f"{accuracy:.1%}" for accuracy in own.server_accuracy])
print("fedteach's:", [f"{accuracy:.1%}" for accuracy in compiled.server_accuracy])

# %% [markdown]
# **Explain.** Not at all. It is the same arithmetic in the same order. That is worth a lot: what you wrote *is* the
# algorithm, and everything else is speed.
#
# **What must not be carried over.** Plain SGD has no memory. Most optimizers do: momentum or Adam remember earlier
# steps. In the framework FL-bench FedAvg went up and down even on easy data, with clients that were all alike. The
# cause: a client's optimizer was not reset, and went on with memories of a model that had been averaged away since.
# Make what remembers *inside* the function, and it begins anew each time.
#
# ## Why everybody starts from the same weights
#
# In the first edition of this course every client made its own model, with random weights of its own, and trained it
# *before* it had heard anything from the server. Let us do the same with a network of two hidden layers.
#
# > **Predict.** Five clients hold the same kind of digits and start from five different random models. After some
# > training each of them reads nearly nine digits of ten. How many will the mean of the five models read?

# %%
same_kind = Experiment(
    clients=5, split="1", model="2nn", rounds=4, epochs=5, learning_rate=0.1, examples_per_client=200
)
strangers = same_kind.replace(common_init=False)
lab.plots.accuracy(strangers.federation().run(4))

# %% [markdown]
# **Explain.** The thin lines start between 80 and 90 %, the thick one below 30 %. The clients' models are all good,
# and their mean is not. A network can do the same thing in many ways: swap two neurons of a hidden layer together with
# all their connections, and nothing changes. Client 0 may recognise a loop with its neuron 7, client 1 with its neuron
# 52. Averaging number by number mixes neurons that have nothing to do with each other.
#
# From round 2 on all clients begin with the same weights, so neuron 7 is the same for everybody, and the mean is good
# again. The first edition published a curve of the server's accuracy that reads 89 %, 67 %, 89 %, and the dip looked
# like a riddle. The first number is one client's own model (a mistake that notebook 05 is about), the second is the
# mean of strangers. With `common_init=True`, fedteach's default, there is no dip. Try it:
# `same_kind.federation().run(4)`.
#
# ## Part 3: drift
#
# ## 3.6 How far do the clients drift apart?
#
# After one step everybody is still near the common start. With every further step each client follows its own
# examples, and if these are one-sided, so is the way it goes. This is called **client drift**.
#
# To see it we need a number. Let $\Delta_k$ be client $k$'s update (its weights after training minus before), and
# $\bar\Delta$ the plain mean of all of them. The drift is how far, on average, a client is from the mean:
#
# $$\text{drift} = \frac{1}{K} \sum_{k=1}^{K} \lVert \Delta_k - \bar\Delta \rVert$$
#
# The length $\lVert \cdot \rVert$ goes over *all numbers of all tensors* together: square them, add them up, take the
# root. Two clients, two tensors of one number each: $(4, 4)$ and $(-2, -4)$. Their mean is $(1, 0)$. The first one is
# $(3, 4)$ away from it, and $\sqrt{9 + 16} = 5$. The second one is $(-3, -4)$ away, 5 again. The drift is 5.
#
# **Your turn.** Write `drift`. It gets one delta for each client, each a list of arrays.


# %%
def drift(deltas):
    """Say how far the clients' updates are from their mean, on average.

    deltas: for each client a list of arrays, one for each tensor of the model.
    Returns a number.
    """
    # BEGIN SOLUTION 3.6
    mean = [np.mean(tensors, axis=0) for tensors in zip(*deltas)]
    distances = [np.sqrt(sum(np.sum((t - m) ** 2) for t, m in zip(delta, mean))) for delta in deltas]
    return np.mean(distances)
    # END SOLUTION 3.6


check("3.6", drift)
# hint("3.6")  # remove the first # for a hint

# %% [markdown]
# Now measure. Five clients hold *your* splits: once experiment 1, once experiment 4, about the same number of examples
# in all. The server measures the drift of each round on its way to the mean.

# %%
measure = use("3.6", drift)
skewed = use("3.4", split_skewed)(labels, 5, rng_for(2, "who holds what"))
per_client = sum(len(places) for places in skewed) // 5
uniform = use("3.1", split_uniform)(labels, 5, per_client, rng_for(2, "who holds what"))


def drift_and_accuracy(parts, rounds, local_update=None, **plan):
    """Run a federation of the clients that hold these parts; return each round's drift and accuracy."""
    drifts = []

    def watched_mean(updates):
        updates = list(updates)
        drifts.append(measure([update.delta for update in updates]))
        return steps.aggregation.weighted_mean(updates)

    federation = Federation(
        [Client(str(i), digits.train.x, labels, places) for i, places in enumerate(parts)],
        model="logistic",
        test=digits.test,
        plan=Plan(**plan),
        local_update=local_update,
        aggregate=watched_mean,
        client_accuracy=False,
    )
    return drifts, federation.run(rounds).server_accuracy


# %% [markdown]
# > **Predict.** Each client trains for 1, 2, 5, 10 or 20 epochs before it reports. How does the drift grow? And how
# > much larger is it with skewed data?

# %%
epochs = [1, 2, 5, 10, 20]
runs = {
    name: [drift_and_accuracy(parts, 20 // e, epochs=e, batch_size=16, learning_rate=0.02) for e in epochs]
    for name, parts in (("1 · uniform", uniform), ("4 · skewed", skewed))
}

lab.plots.lines(
    {name: (epochs, [drifts[0] for drifts, _ in results]) for name, results in runs.items()},
    x_label="local epochs before the client reports",
    y_label="drift in round 1",
    title="The longer alone, the further apart",
    subtitle="5 clients, softmax regression, all from the same start",
    log_x=True,
)

# %% [markdown]
# **Explain.** Even clients that hold the same mix drift apart a little, because they hold other examples of it.
# One-sided clients drift about ten times as far after one epoch, and still about four times as far after twenty. Mind
# the axis: it is stretched at the left, so the lines look as if they sped up. They do not: twenty times the epochs make
# about five times the drift of one-sided clients, and about thirteen times that of the others.
#
# Is that bad? Compare fairly: let every client train for 20 epochs *in all*, and change only how often they meet. With
# 1 local epoch they meet 20 times; with 20 local epochs they meet once, at the end. The same work, but up to 20 times
# less traffic.
#
# > **Predict.** Which of the two lines will fall when the clients meet less often? Both, one, or none?

# %%
lab.plots.lines(
    {name: (epochs, [accuracy[-1] for _, accuracy in results]) for name, results in runs.items()},
    x_label="local epochs between two meetings, 20 in all",
    y_label="accuracy at the end",
    title="The same work, fewer meetings",
    subtitle="20 meetings at the left, a single one at the right",
    percent=True,
    log_x=True,
)

# %% [markdown]
# **Explain.** When all clients hold the same mix, it hardly matters how often they meet: nineteen of twenty messages
# can be saved, and the model is as good. This saving is what FedAvg was invented for. When the clients are one-sided,
# every epoch alone costs accuracy, because they walk away from each other and the mean ends up where nobody wanted to
# go.
#
# Do not read this as "more local epochs are bad". In a fixed number of *rounds*, more local epochs mean more work, and
# here they still help. Try `drift_and_accuracy(skewed, 4, epochs=20, batch_size=16, learning_rate=0.02)[1][-1]`, and
# the same with `epochs=1`. The price is paid per epoch of work.
#
# ## 3.7 FedProx: a pull back to the common start
#
# FedProx ties every client to the global model with a rubber band. To the loss it adds a penalty for being far away,
#
# $$\frac{\mu}{2}\, \lVert w - w_\text{global} \rVert^2 ,$$
#
# whose slope for each single weight is $\mu\,(w - w_\text{global})$. So all that changes in the loop is the gradient.
# Say a weight has moved from 2 to 5, its gradient is 1, and $\mu = 0.1$. Then the new gradient is
# $1 + 0.1 \cdot (5 - 2) = 1.3$. The step goes *against* the gradient, so this pulls the weight back.
#
# **Your turn.** Write `proximal`. It returns a new list of gradients and leaves the old ones alone.


# %%
def proximal(gradients, weights, global_weights, mu):
    """Add FedProx' pull towards the global weights to each gradient.

    gradients, weights, global_weights: lists of arrays, shaped alike.
    mu: how strong the pull is; 0 is none.
    Returns a list of arrays shaped like the gradients.
    """
    # BEGIN SOLUTION 3.7
    return [g + mu * (w - w_global) for g, w, w_global in zip(gradients, weights, global_weights)]
    # END SOLUTION 3.7


check("3.7", proximal)
# hint("3.7")  # remove the first # for a hint

# %% [markdown]
# Here is the loop of 3.5 with your pull in it. Only the marked lines are new.

# %%
add_pull = use("3.7", proximal)


def local_fedprox(model, x, y, plan, rng):
    """Train like local_sgd, with a pull back to the weights of the start."""
    global_weights = model.get_weights()  # new: remember where the round began
    size = plan.batch_size or len(x)
    for _ in range(plan.epochs):
        order = rng.permutation(len(x))
        for first in range(0, len(x), size):
            rows = order[first : first + size]
            with tf.GradientTape() as tape:
                logits = model(x[rows], training=True)
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y[rows], logits=logits)
                loss = tf.reduce_mean(losses)
            gradients = tape.gradient(loss, model.trainable_variables)
            gradients = [gradient.numpy() for gradient in gradients]  # new: your function takes numpy arrays
            gradients = add_pull(gradients, model.get_weights(), global_weights, plan.proximal_mu)  # new
            for weight, gradient in zip(model.trainable_variables, gradients):
                weight.assign_sub(plan.learning_rate * gradient)


# %% [markdown]
# > **Predict.** Clients with skewed data train five epochs a round: with no pull, with one, and with a strong one.
# > What will the pull do to the drift? And to the accuracy?

# %%
rounds = [1, 2, 3, 4]
pulls = {"no pull": 0.0, "mu = 0.3": 0.3, "mu = 1": 1.0}
plan = {"epochs": 5, "batch_size": 64, "learning_rate": 0.1}
runs = {name: drift_and_accuracy(skewed, 4, local_fedprox, proximal_mu=mu, **plan) for name, mu in pulls.items()}

lab.plots.lines(
    {name: (rounds, drifts) for name, (drifts, _) in runs.items()},
    x_label="round",
    y_label="drift",
    title="FedProx holds the clients together",
    subtitle="5 clients with skewed data, 5 local epochs",
)

# %%
lab.plots.lines(
    {name: (rounds, accuracy) for name, (_, accuracy) in runs.items()},
    x_label="round",
    y_label="accuracy",
    title="And what it costs",
    subtitle="The same runs: accuracy of the server's model",
    percent=True,
)

# %% [markdown]
# **Explain.** The pull does what it promises: the drift is smaller, the more so the stronger it is. (All three lines
# fall from round to round, with or without a pull.) But here the accuracy is lower as well. A rubber band holds back
# *every* step, also the good ones. A small drift is no aim in itself: clients that do nothing at all do not drift.
#
# So when is FedProx worth it? Its authors had clients in mind that are very unlike *and* do very unequal amounts of
# work, so that training without a pull becomes unstable, and they chose $\mu$ anew for every data set. Our five clients
# with their small model never get into such trouble. Measure before you believe, also what is published.

# %% [markdown]
# ## Questions to think about
#
# 1. Let `epochs=1` and `batch_size=None`: each client makes one single step with all its examples. Show that the mean
#    of these steps, each weighted by how many examples its client holds, is exactly what *one* computer with all the
#    data would do. Where, then, does drift come from?
# 2. In the first edition every client drew new examples in every round. Compare
#    `Experiment(split="3", model="logistic", epochs=5, examples_per_client=200)` with the same and
#    `redraw_each_round=True`. Which model is better after eight rounds, and why is the comparison unfair?
# 3. Drift grows with the learning rate, too. By what would you divide the *drift*, so that a client that takes small
#    steps does not look better than it is? Try it: is FedProx' drift still smaller then?
#
# ## Sources
#
# - Local SGD and its mean, FedAvg: H. B. McMahan et al., *Communication-Efficient Learning of Deep Networks from
#   Decentralized Data*, 2017, [arXiv:1602.05629](https://arxiv.org/abs/1602.05629), Algorithm 1. Its figure 1 averages
#   two models, once from the same start and once from different ones.
# - Client drift: S. P. Karimireddy et al., *SCAFFOLD: Stochastic Controlled Averaging for Federated Learning*, 2020,
#   [arXiv:1910.06378](https://arxiv.org/abs/1910.06378).
# - Splits by a Dirichlet distribution: T.-M. H. Hsu et al., *Measuring the Effects of Non-Identical Data Distribution
#   for Federated Visual Classification*, 2019, [arXiv:1909.06335](https://arxiv.org/abs/1909.06335).
# - FedProx: T. Li et al., *Federated Optimization in Heterogeneous Networks*, 2020,
#   [arXiv:1812.06127](https://arxiv.org/abs/1812.06127).
# - An optimizer that was not reset: [FL-bench, issue 110](https://github.com/KarhouTam/FL-bench/issues/110). Clients
#   without examples: [easyFL, issue 42](https://github.com/WwZzz/easyFL/issues/42).
#
# **Next:** `04_aggregation`. The updates are in. Who counts how much?
