# %% [markdown]
# # Experiments: your own five steps at work
#
# *About 40 minutes, and as long as you like for the project at the end. No new exercises: you use what you have built.
# All cells together compute for a minute or two.*
#
# You have written the five steps of a round. Now you put them together, ask questions, and let the federation answer.
# Asking is easy. Asking so that the answer *means* something is the craft of this notebook.
#
# After this notebook you can
#
# - run a federation on your own five functions,
# - change one thing at a time, and notice when two things have changed,
# - say what splits, client counts, local epochs and fractions do to a curve, and what they cost,
# - plan a small study, repeat it with other seeds, and report it honestly.

# %%
import numpy as np

from fedteach import Experiment, lab, panel

# %% [markdown]
# ## 1. Your five functions, one federation
#
# Five steps make a round, and you have a function for each:

# %%
lab.plots.five_steps()

# %% [markdown]
# `lab.my_steps()` looks for your functions in the notebooks of this folder, checks them once more, and collects those
# that pass. A step that you have not done yet is taken by fedteach's own function, and the box says so. Nothing breaks,
# and you can come back later.

# %%
mine = lab.my_steps()

# %% [markdown]
# Press **Run**. The functions that the box calls yours are at work now: with all five steps yours, they choose the
# clients, pack the weights, train, average, and move the model, and every number of the curve has gone through them.
# The other steps are fedteach's. (The model is `2nn`, two layers of 200 neurons each, as in the paper that
# introduced federated averaging. It is small and quick.)

# %%
board = panel(Experiment(model="2nn", clients=5, rounds=4, epochs=1), **mine)

# %% [markdown]
# ### What your step 3 costs
#
# (This section is about your `local_sgd`. If the box says that your step 3 is fedteach's own, both lines below are
# fedteach's and look alike. Come back to it later.)
#
# That was not as fast as in the other notebooks. Your `local_sgd` is the reason. It does what fedteach's own training
# does: the same batches, the same gradients. But it does it line by line in Python, while fedteach hands the whole
# training to TensorFlow at once, as one *compiled* loop.
#
# > **Predict.** The same arithmetic, the same data, the same model. How many times faster is the compiled loop: twice,
# > ten times, forty times? And will the accuracy differ?
#
# (Let the panel finish first, or the two share your computer. With your step 3, this takes some 5 to 10 seconds.)

# %%
fast = {name: step for name, step in mine.items() if name != "local_update"}  # your steps 1, 2, 4 and 5

trial = Experiment(model="2nn", clients=5, rounds=2, epochs=1)
whose = "your step 3" if "local_update" in mine else "fedteach's (yours is not done yet)"
for label, steps in ((whose, mine), ("compiled step 3", fast)):
    last = trial.federation(**steps).run(trial.rounds)[-1]
    print(f"{label}: {last.seconds['clients']:.2f} s for the last round, accuracy {last.server_accuracy:.1%}")

# %% [markdown]
# **Explain.** The accuracy is the same, or nearly (your order of the batches may be another one). The time is not: here
# the compiled loop was some forty times faster. For such a small model, asking TensorFlow for one small thing after
# another takes far longer than computing it. That is why frameworks compile. Write it plainly first, as you did; then
# let a compiler repeat it a million times.
#
# From here on we use `fast`: **your** functions for steps 1, 2, 4 and 5, and the compiled loop for step 3. If you have
# the patience, put `mine` in its place: a run then takes about half a minute instead of a second.

# %% [markdown]
# ## 2. Four questions
#
# All experiments start from one and the same `base`, and `run` changes only what you name. Everything else stays as it
# is. (Keep that sentence in mind. You will find that it is not quite true.)


# %%
base = Experiment(model="2nn", clients=5, split="1", rounds=8, epochs=3)


def run(steps=None, **changes):
    """Run the base experiment with some settings changed, on your own steps unless others are given."""
    steps = fast if steps is None else steps
    for name in changes:
        if name in steps:
            raise ValueError(
                f"your own function takes the place of {name}; leave your steps out: run({{}}, {name}=...)"
            )
    experiment = base.replace(**changes)
    return experiment.federation(**steps).run(experiment.rounds)


# %% [markdown]
# ### 2.1 Who holds what?
#
# The four experiments of the course share out the same digits in four ways: **1** the same number of each digit for
# everybody; **2** drawn at random, equal totals; **3** drawn at random, unequal totals; **4** skewed, a few digits
# dominate at each client.
#
# > **Predict.** Five clients, eight rounds. Put the four in order, from the best model to the worst. Which two will be
# > hard to tell apart? Write it down before you run the cell.

# %%
splits = {
    "1 uniform": run(split="1"),
    "2 random": run(split="2"),
    "3 unequal": run(split="3"),
    "4 skewed": run(split="4"),
}
lab.plots.grid(
    splits, title="Four ways to share out the digits", subtitle="5 clients, 8 rounds, 3 local epochs", columns=4
)

# %% [markdown]
# The same in figures. `accuracy` is that of the server's model after the last round, `best (round)` its best on the
# way, and `80 % in round` the first round after which it had that much. `clients` goes from the lowest to the highest
# of the clients' own models in the last round. `bytes` and `seconds` are those of all rounds together.

# %%
print(lab.results_table(splits, reach=0.8))

# %% [markdown]
# **Explain.** Uniform and random are twins: who draws 259 digits at random gets about 26 of each anyway. The skewed
# split is far behind, about 15 points, and its thin lines are wide apart: each client pulls towards the digits that it
# has at home.
#
# And unequal totals cost five or six points. So it is bad if some clients hold much and others little. Is it? Before
# you believe it, ask: **what else has changed?**

# %%
for name in "1234":
    counts = base.replace(split=name).label_counts()
    sizes = ", ".join(f"{n}" for n in counts.sum(axis=1))
    print(f"experiment {name}: {counts.sum():5,} examples in all; the clients hold {sizes}")

# %% [markdown]
# In experiment 3 the clients hold only half as many examples *in all*. Two things have changed at once, the inequality
# and the amount, and the curve cannot say which of them it was. So make an experiment in which only one has changed:
# everybody holds the same, but there is as little in all as in experiment 3. And a second one with as little, in which
# everybody goes through it twice as often: six local epochs instead of three.
#
# > **Predict.** Will the uniform split with as few examples be as good as 1, as bad as 3, or in between? And with twice
# > the epochs?

# %%
total = int(base.replace(split="3").label_counts().sum())
amounts = {
    "1 uniform": splits["1 uniform"],
    "3 unequal": splits["3 unequal"],
    "1, as few": run(split="1", examples_per_client=total // 5),
    "1, as few, twice the epochs": run(split="1", examples_per_client=total // 5, epochs=6),
}
lab.plots.grid(
    amounts,
    title="Is it the inequality, or the amount?",
    subtitle="Above, both have changed; below, clients with as few as in 3, shared out as in 1",
    columns=2,
)

# %%
print(lab.results_table(amounts))

# %% [markdown]
# **Explain.** With as few examples, the uniform split ends where the unequal one does. So it was not the inequality:
# the weighted mean deals with that well. Then it was the amount of data?
#
# Not so fast: again two things have changed at once. Who goes three times through half the examples makes half the
# *steps*. The last run makes up for that, with as few examples and about as many steps as the first. And nearly all of
# the gap is gone.
#
# So the clients of experiment 3 fell behind because they trained less, and hardly because they knew less. Two more
# runs have turned the conclusion twice. That is what the question is for: **what else has changed?**

# %% [markdown]
# ### 2.2 How many clients?
#
# > **Predict.** A federation grows from 2 clients to 5 to 20. Is the model better or worse after eight rounds? Why?

# %%
sharing = {f"{n} clients": run(clients=n) for n in (2, 5, 20)}
fixed = {f"{n} clients, 60 each": run(clients=n, examples_per_client=60) for n in (2, 5, 20)}
lab.plots.grid(
    sharing | fixed,
    title="More clients: better or worse?",
    subtitle="Above they share out the same digits, below each brings 60 digits of its own",
)

# %%
print(lab.results_table(sharing | fixed))

# %% [markdown]
# The upper row says: more clients, worse model. In the lower row each client brings 60 digits, so that there are 120,
# 300 or 1,200 in all. And there it hardly matters how many they are, or more of them are even a little better.
#
# What else has changed? Above, with 20 clients each holds 64 digits instead of 648, so in a round it makes a tenth of
# the steps. Below, everybody makes as few, whether they are 2 or 20. So give all twenty ten times the epochs, in both
# ways of dealing.
#
# > **Predict.** Twenty clients, 30 local epochs: how good will they be now?

# %%
longer = {
    "20 clients, 30 epochs": run(clients=20, epochs=30),
    "20 clients, 60 each, 30 epochs": run(clients=20, examples_per_client=60, epochs=30),
}
print(lab.results_table(longer))

# %% [markdown]
# **Explain.** About as good as a few clients with much data. So what made the difference was neither the number of
# clients nor the amount of data in all, but the steps that each client makes in a round: the *mean* of twenty short
# ways is again a short way.
#
# "More clients" can mean that they share out what there is, or that each brings its own. And with either, something
# else changes too. Say in your report which of them you meant, and what each client does in a round.

# %% [markdown]
# ### 2.3 Work or talk?
#
# A client can train long at home and talk rarely, or train briefly and talk often. Let every client go through its
# digits twelve times in all: 12 rounds of one local epoch, 4 rounds of 3, or a single round of 12. The work is the
# same. The talking is not: 12 rounds cost twelve times the bytes of one.
#
# > **Predict.** Which of the three ends best with uniform data? And with skewed data, where long training alone at home
# > leads each client astray?

# %%
ways = {  # local epochs in a round -> what changes
    1: {"epochs": 1, "rounds": 12},
    3: {"epochs": 3, "rounds": 4},
    12: {"epochs": 12, "rounds": 1},
}
talk = {
    f"{name}, {changes['rounds']} x {epochs}": run(split=split, client_accuracy=False, **changes)
    for name, split in {"uniform": "1", "skewed": "4"}.items()
    for epochs, changes in ways.items()
}
uniform, skewed = np.array([history.server_accuracy[-1] for history in talk.values()]).reshape(2, 3)
lab.plots.lines(
    {"uniform": (list(ways), uniform), "skewed": (list(ways), skewed)},
    x_label="local epochs in a round (12 in all)",
    y_label="accuracy at the end (%)",
    title="Talk often, or work long at home?",
    subtitle="5 clients; 12 rounds of 1 epoch, 4 of 3, or 1 of 12",
    log_x=True,
    percent=True,
)

# %%
print(lab.results_table(talk))

# %% [markdown]
# **Explain.** The uniform line is flat. One round is as good as twelve, for a twelfth of the bytes. Much work at home
# and few rounds: this is what made federated learning practical.
#
# The skewed line goes a little down and comes up again. All in all, a single round is about as good as twelve here too.
# Client drift, so plain to see in the thin lines of 2.1, seems to cost nothing. A surprise! Would you publish it? Hold
# it until section 3.

# %% [markdown]
# ### 2.4 How many take part?
#
# Twenty clients with skewed data. First of all, how much data is that?

# %%
few, many = (int(base.replace(clients=n, split="4").label_counts().sum()) for n in (5, 20))
print(f"experiment 4: 5 clients hold {few:,} digits in all, 20 clients {many:,}")

# %% [markdown]
# Experiment 4 deals every client an amount of its own, and the same digit may lie at several clients. So these twenty
# hold about five times as much as the five of 2.1, and as the twenty of 2.2 that shared out the digits. Do not compare
# them with those: more data, and more steps again. The three runs that come now all have the same deal, and can be
# compared with one another.
#
# In each round the server asks two of the twenty, six, or all of them. Your `choose_fraction` draws them.
#
# > **Predict.** What does the curve look like if two clients of twenty are asked in a round? And which of the three
# > reaches 80 % with the fewest bytes?

# %%
fractions = {
    f"{20 * fraction:.0f} of 20 clients": run(clients=20, split="4", fraction=fraction) for fraction in (0.1, 0.3, 1.0)
}
lab.plots.grid(fractions, title="Who is asked in a round?", subtitle="20 clients with skewed data")

# %%
print(lab.results_table(fractions, reach=0.8))

# %% [markdown]
# Count bytes instead of rounds, and the same three runs tell another story:


# %%
def megabytes(history):
    """Return the megabytes that have travelled, both ways together, up to the end of each round."""
    return np.cumsum([record.bytes_down + record.bytes_up for record in history]) / 1e6


lab.plots.lines(
    {name: (megabytes(history), history.server_accuracy) for name, history in fractions.items()},
    x_label="megabytes sent and received so far",
    y_label="accuracy (%)",
    title="What a point of accuracy costs",
    subtitle="The same three runs; each point is a round",
    log_x=True,
    percent=True,
)

# %% [markdown]
# **Explain.** Two skewed clients are a poor sample of twenty, so the curve jumps: one round is good to some digits, the
# next one to others. It needs about twice the rounds to 80 %. But each of its rounds costs a tenth, and so it gets
# there with about a fifth of the bytes. With all clients the curve is smooth, but much of what they say in a round they
# all say alike, and it is paid for twenty times. Six of twenty end nearly as well, for a third of the bytes.
#
# Which is better depends on what is scarce: rounds (time), or bytes and batteries. (Your numbers may differ from your
# neighbour's: with two of twenty it matters who is drawn, and another right `choose_fraction` draws others.)

# %% [markdown]
# ## 3. How sure are you?
#
# Everything above was one run of each setting, with seed 0. The seed decides who holds what, the first weights and the
# order of the batches. With another seed, all numbers are others. Was the surprise of 2.3 an accident?
#
# > **Predict.** Two more seeds. How far apart will the three accuracies of one and the same setting be: 1 point, 5, 15?
# > And will a single round still be as good as twelve?

# %%
accuracy = {0: skewed}  # seed -> the accuracy at the end, for each of the three ways; you have seen that of seed 0
for seed in (1, 2):
    histories = [run(split="4", seed=seed, client_accuracy=False, **changes) for changes in ways.values()]
    accuracy[seed] = np.array([history.server_accuracy[-1] for history in histories])

# %%
everything = np.array(list(accuracy.values()))  # shape (seeds, ways)
mean, low, high = everything.mean(axis=0), everything.min(axis=0), everything.max(axis=0)

lab.plots.lines(
    {"mean": (list(ways), mean)} | {f"seed {seed}": (list(ways), accuracy[seed]) for seed in accuracy},
    spread={"mean": (low, high)},
    x_label="local epochs in a round (12 in all)",
    y_label="accuracy at the end (%)",
    title="Skewed data: talk often, or work long at home?",
    subtitle="The mean of three seeds; the band goes from the lowest to the highest",
    log_x=True,
    percent=True,
)

# %%
print("local epochs    mean  lowest highest", *(f" seed {seed}" for seed in accuracy))
for place, epochs in enumerate(ways):
    figures = [mean[place], low[place], high[place], *everything[:, place]]
    print(f"{epochs:12}", *(f"{figure:7.1%}" for figure in figures))

# %% [markdown]
# **Explain.** The seeds are far apart: between the best and the worst of them lie 13 points where clients talk often,
# and 25 with a single round. Each seed deals another federation. In that of seed 0, for example, only 46 of the 1,101
# digits are ones or nines, and what hardly anybody holds, no way of training can learn well. Whoever runs one setting
# with one seed and the other setting with another seed compares two federations, and not two settings.
#
# Now compare *within* each seed, where the federation is the same. With seeds 1 and 2 a single round is clearly worse
# than twelve, by about 26 and 8 or 9 points. Seed 0 is the one that we happened to see first. So drift does cost
# something, and often a lot, when clients work long alone: our surprise was an accident. (We ran four more seeds. In
# all of them the single round was worse, by 4 to 17 points.)
#
# Two rules to take with you:
#
# - **Repeat with several seeds, and show the spread.** Three is the least. A mean without its spread is half a result.
# - **Compare within the same seed.** Differences between settings are often smaller than differences between seeds.

# %% [markdown]
# ## 4. Your project
#
# Now you. Choose one question, and answer it on half a page. Three examples, but your own is better:
#
# - **How skewed is too skewed?** `split="dirichlet:100"` is almost uniform, `"dirichlet:1"` in between, and
#   `"dirichlet:0.1"` extreme. (The place on the axis is the number after the colon: `0.1: {"split": "dirichlet:0.1"}`.)
# - **What do lost updates cost?** `clients=10`, and `drop=0.0`, `0.3` or `0.6`: the share of updates that never arrive.
# - **Does a leash help against drift?** `split="4"` with `epochs=12`, and `proximal_mu=0.0`, `0.1` or `1.0`: the pull
#   of FedProx towards the global model. (Your `local_sgd` need not know it: the compiled loop does.)
#
# How to go about it:
#
# 1. Write down the question, and your **hypothesis**: what you expect, and why.
# 2. Change **one thing**. List what else might have changed with it, and check.
# 3. Run at least **three seeds** of each setting.
# 4. Draw **one figure** with the spread, and name its axes.
# 5. Say what you **found**, in numbers. "No difference" is a finding. Was your hypothesis right?
# 6. Name one **limit**: for which federations might your answer be wrong?
#
# | what counts | points |
# | --- | --- |
# | The question can be answered by a run, and the hypothesis gives a reason | 2 |
# | One thing changes at a time; what else could have changed was looked at | 2 |
# | Three seeds or more, compared within the same seed | 2 |
# | A figure that shows the spread, with named axes | 1 |
# | The conclusion says what the numbers say, not more | 2 |
# | A limit of the study is named | 1 |
#
# One thing to know: your own functions take the place of the settings of the same step. To try `upload="top_k:0.1"`,
# `aggregate="median"` or `global_update="momentum:0.9"`, leave yours out: `run({}, aggregate="median")`. (`run` reminds
# you.)
#
# The cells below run as they are. They ask a small question, so that you see the shape of an answer; put yours in.

# %%
question = "Does the learning rate matter for how far a round gets?"
hypothesis = "Yes: with a larger step a client gets further in the same number of steps."

x_label = "learning rate"
settings = {  # the place on the x axis, a number -> what changes
    0.003: {"learning_rate": 0.003},
    0.01: {"learning_rate": 0.01},
    0.03: {"learning_rate": 0.03},
}
seeds = (0, 1, 2)

project = {}  # (seed, place) -> history
for seed in seeds:
    for place, changes in settings.items():
        project[seed, place] = run(seed=seed, rounds=4, client_accuracy=False, **changes)

# %%
x = list(settings)
project_accuracy = {seed: [project[seed, place].server_accuracy[-1] for place in x] for seed in seeds}
project_table = np.array(list(project_accuracy.values()))  # shape (seeds, settings)

lab.plots.lines(
    {"mean": (x, project_table.mean(axis=0))} | {f"seed {seed}": (x, project_accuracy[seed]) for seed in seeds},
    spread={"mean": (project_table.min(axis=0), project_table.max(axis=0))},
    x_label=x_label,
    y_label="accuracy at the end (%)",
    title=question,
    subtitle=f"The mean of {len(seeds)} seeds; the band goes from the lowest to the highest",
    log_x=min(x) > 0,  # an axis that grows by factors, unless 0 is among your places
    percent=True,
)

# %%
print(lab.results_table({f"seed {seed}, {x_label} {place}": history for (seed, place), history in project.items()}))

# %% [markdown]
# *Write here: question, hypothesis, what you changed and what else might have changed, what you found, and a limit.
# Half a page is enough.*

# %% [markdown]
# ## Questions to think about
#
# 1. In 2.1 the skewed clients held 1,101 digits and the uniform ones 1,295. Which run would you add to be sure that it
#    was the skew that cost 15 points?
# 2. All accuracies here are measured on 500 test digits of the server. By how much can an accuracy of 90 % be off by
#    chance alone? (Hint: what is the standard deviation of the number of heads in 500 throws of a coin that shows heads
#    nine times in ten?)
# 3. Somebody shows you a single curve that beats all others. What do you ask?
#
# ## Sources
#
# - Local epochs against rounds, the fraction of clients, and the model `2nn`: H. B. McMahan et al.,
#   *Communication-Efficient Learning of Deep Networks from Decentralized Data*, 2017,
#   [arXiv:1602.05629](https://arxiv.org/abs/1602.05629), section 3.
# - FedProx: T. Li et al., *Federated Optimization in Heterogeneous Networks*, 2020,
#   [arXiv:1812.06127](https://arxiv.org/abs/1812.06127).
# - The Dirichlet split: M. Yurochkin et al., *Bayesian Nonparametric Federated Learning of Neural Networks*, 2019,
#   [arXiv:1905.12022](https://arxiv.org/abs/1905.12022), and T.-M. H. Hsu et al., *Measuring the Effects of
#   Non-Identical Data Distribution for Federated Visual Classification*, 2019,
#   [arXiv:1909.06335](https://arxiv.org/abs/1909.06335).
#
# **Next:** you have built all five steps and asked them hard questions. In `07_classroom` your five functions meet real
# laptops: some are slow, one is closed in the middle, and one lies.
