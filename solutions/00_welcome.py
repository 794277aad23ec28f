# %% [markdown]
# # Welcome: one model, many owners of data
#
# *About 25 minutes. You run things and look at them, and write one line of code at the end.*
#
# A hospital, a phone, a school: each holds examples that a model could learn from, and each has good reasons not to
# hand them over. **Federated learning** trains one model with all of them while the examples stay where they are.
# Only the model travels.
#
# After this notebook you can
#
# - run a federation and read its accuracy curve,
# - name the five steps that every round consists of,
# - say what changes when the clients hold very different data,
# - ask for a check of your own code, and for a hint.
#
# **How to use it.** Click into the grey cell below and press `Shift` + `Enter`. That runs the cell and moves on to
# the next one. Run them in their order, from the top. If you come back later, or a cell stops with a `NameError`, then
# what it builds on is not there yet: run the cells above it again, first of all the first grey one. The menu *Run* has
# a line for that, *Run All Above Selected Cell*.

# %% [markdown]
# ## 1. Run your first federation
#
# Five *clients* each hold some handwritten digits. A *server* wants a model that reads digits, and it has not seen a
# single one of theirs.
#
# Run the cell. Look at who holds what, then press **Run** and watch the accuracy grow.

# %%
from fedteach import Experiment, NotStarted, check, hint, lab, panel, progress, reset

board = panel(Experiment(clients=5, split="1", rounds=8, epochs=3))

# %% [markdown]
# **What you see.** The thick line is the server's model, the thin ones are the clients' models just before they are
# put together. All of them sit the same test: digits that only the server has. Guessing would get 10 % right.
#
# Nothing is lost when you close the notebook: the log, the picture and the model of every run are in the folder
# `runs`, beside this notebook. The tab *Repeat this run* gives you one line that repeats the run exactly.

# %% [markdown]
# ## 2. What just happened: five steps
#
# Every round of federated learning goes through the same five steps. Keep this picture in mind: all that follows in
# this course is a closer look at one of them.

# %%
lab.plots.five_steps()

# %% [markdown]
# | step | the question it answers | in the run above |
# | --- | --- | --- |
# | **1. client selection** | Who takes part in this round? | all five clients |
# | **2. broadcast** | What travels to them? | the weights of the model, the numbers it has learnt so far |
# | **3. local update** | What does a client do with its examples? | it trains the model on them, three times through |
# | **4. aggregation** | What does the server make of the answers? | their average; who has more examples counts more |
# | **5. global update** | How does the server's model move? | by that average; then the next round begins |
#
# A few more words that will come up all the time:
#
# - **example**: one picture with its label, such as a scan of a seven and the number 7
# - **weights**: all the numbers inside a model; learning means changing them
# - **update**: what a client sends back, the *change* of the weights that its training made
# - **local epoch**: one pass of a client over all its own examples
# - **cohort**: the clients that take part in one round

# %% [markdown]
# ## 3. One round, step by step
#
# The panel hides nothing that you could not do yourself. Here is one round in plain Python. The server has a model,
# the clients have their digits:

# %%
experiment = Experiment(clients=5, split="1", epochs=3)
federation = experiment.federation()

digits = experiment.load_data().train.x
clients_and_rows = zip(experiment.client_ids(), experiment.partition().parts)
lab.plots.examples({client: digits[rows] for client, rows in clients_and_rows})

# %% [markdown]
# > **Predict.** In one round the server sends its weights to five clients and gets five updates back. The model has
# > 38,282 weights of 4 bytes each. About how many bytes travel, both ways together?
#
# Make a guess, then run the cell.

# %%
record = federation.run(1)[0]

print("1. client selection  asked:", ", ".join(record.selected))
print(f"2. broadcast         {record.bytes_down:,} bytes sent to them")
for client, figures in record.clients.items():
    trained = f"client {client} trained on {figures['n_examples']} digits"
    print(f"3. local update      {trained}: {figures['accuracy']:.0%} right")
print(f"4. aggregation       {len(record.clients)} updates averaged, {record.bytes_up:,} bytes received")
print(f"5. global update     the server's model now gets {record.server_accuracy:.0%} right")

# %% [markdown]
# **Explain.** Each message holds 38,282 × 4 = 153,128 bytes of weights and a short header. Five go down and five come
# up: about 1.5 million bytes. Not one digit was among them. With a large model this traffic is often what a
# federation spends most of its time on, and making it smaller is a step of its own.
#
# A few more rounds, and the model is good. `run(4)` goes on where the last run stopped, so these are the rounds 2 to 5
# (and if you run the cell twice, it trains four more):

# %%
history = federation.run(4)
lab.plots.accuracy(history)

# %%
print(history.table())

# %% [markdown]
# ## 4. When everybody holds something else
#
# In the run above every client held nearly the same number of each digit. Real life is not like that: one client writes
# mostly fours, another has ten times as many examples as the rest. The course knows four such *experiments*:
#
# | experiment | who holds what |
# | --- | --- |
# | 1 · uniform | every client nearly the same number of each digit |
# | 2 · random, equal totals | drawn at random, the same number for everyone |
# | 3 · random, totals differ | drawn at random, some clients have little |
# | 4 · skewed | a few digits dominate at each client |
#
# This is experiment 4. Each row is a client:

# %%
skewed = Experiment(clients=5, split="4", rounds=8, epochs=3)
lab.plots.label_heatmap(skewed.label_counts(), skewed.client_ids(), skewed.class_names())

# %% [markdown]
# > **Predict.** Will the server's model learn faster, slower, or just as fast as in experiment 1? And what about the
# > clients' own models, just before they are averaged?
#
# Write your answer down in one sentence. Then run the cell.

# %%
uniform = Experiment(clients=5, split="1", rounds=8, epochs=3)
runs = {"1 · uniform": uniform.federation().run(8), "4 · skewed": skewed.federation().run(8)}
lab.plots.compare(runs, title="The same model, two ways to share out the digits")

# %%
lab.plots.accuracy(runs["4 · skewed"])

# %% [markdown]
# **Explain.** With skewed data the server's model learns more slowly, and the thin lines say why. Clients 0 and 1 hold
# mostly fours; trained on that alone, their models are at first no better than guessing. Every client pulls the model
# towards what it has at home. This is called *client drift*. (A small part of the
# difference may have another cause: the clients of experiment 4 hold 15 % fewer examples together, 1,101 instead of
# 1,295.)
#
# And yet, from round 3 on, the average is better than nearly all the models that it was made of. Now and then one of
# them is a little ahead: those of clients 0 and 1 in round 7, that of client 4 in the last round. But each of them had
# begun its round from the average of all.
#
# > **Predict.** What if they had stayed alone? Each client trains a model of its own on what it has at home, for just
# > as long: eight times three epochs. Who gets as far as the five together?

# %%
at_home = skewed.replace(client_accuracy=False)
alone = {"all five together": runs["4 · skewed"]}
for name in experiment.client_ids():
    only_one = at_home.federation(select=lambda clients, rng, name=name: [c for c in clients if c.id == name])
    alone[f"client {name} alone"] = only_one.run(8)

lab.plots.compare(alone, title="Together or alone?", subtitle="The digits of experiment 4")

# %% [markdown]
# **Explain.** Alone, none of the clients 0 to 3 gets beyond 40 %: most digits they have hardly ever seen. Together with
# the others they have a model with more than 80 %. That is the heart of federated learning.
#
# But look at client 4. It holds half of all the examples, and some of every digit, and its model does as well alone as
# the federation does. Joining brings *it* little, and leaving would cost the others a lot. Who gains from a
# federation, and who mostly gives, depends on who holds what.

# %% [markdown]
# ## 5. How the exercises work
#
# From the next notebook on you build the five steps yourself. Every exercise is a function with a `TODO` in it. You
# fill it in, run the cell, and get an answer at once. Here is a small one to try that with.
#
# **Your turn.** In a round the server sends all weights to every client, and every client sends as many back. A weight
# takes 4 bytes. How many **megabytes** (millions of bytes) travel in a round, both ways together? Write
# `megabytes_per_round`. For the model above, with 38,282 weights and 5 clients, you have seen the answer: about 1.5.
#
# Count the weights only, not the short headers, and give the number as it comes, without rounding.
#
# 1. Run the cell as it is. The box below it says that the exercise is not started.
# 2. Replace the line that begins with `raise` by your code. Get it wrong on purpose first, and read what the box says:
#    what your function gave, what was expected, and often why.
# 3. If you are stuck, remove the first `#` in the last line and run the cell again: that gives a *hint*. There are up
#    to three for each exercise. They cost nothing.


# %%
def megabytes_per_round(n_weights, n_clients):
    """Return how many megabytes travel in one round, to the clients and back."""
    # BEGIN SOLUTION 0.1
    return 2 * n_clients * n_weights * 4 / 1_000_000
    # END SOLUTION 0.1


check("0.1", megabytes_per_round)
# hint("0.1")  # remove the first # for a hint

# %% [markdown]
# A check asks your function many questions, random ones too, and tells you the *first* thing that is wrong. Nothing bad
# happens however often you are wrong. Your progress is kept in a small file beside the notebooks, so that you can go on
# tomorrow:

# %%
progress()

# %% [markdown]
# Three more things that are good to know:
#
# - `reset("0.1")`, in a cell of its own, gives you the exercise back as it was at the beginning. The first grey cell of
#   each notebook imports `reset`, so run that one first.
# - Every notebook runs from top to bottom, also with exercises left open. Where a function of yours is needed and not
#   ready yet, fedteach takes its own, and says so. So you can do the notebooks in any order, and come back.
# - Has your teacher given you an id, such as `ab123`? Then run `from fedteach import my_id` and `my_id("ab123")` once,
#   in a cell of its own. From then on the checks ask you numbers of your own, in every notebook.

# %% [markdown]
# ## 6. Your turn
#
# Go back to the panel at the top. Change **one** thing at a time, say what you expect, press Run, and look.
#
# - *Clients* from 5 to 20: what happens to the examples of each client, and to the accuracy?
# - *Fraction* to 0.2: only one client in five is asked each round. What does the curve look like now?
# - *Local epochs* to 1 and to 20, with experiment 4: when does drift hurt most?
# - *Seed*: which of your observations survive another seed?

# %% [markdown]
# ## Questions to think about
#
# 1. The server never sees an example. Does it learn *nothing* about a client from its update?
# 2. The clients' models were tested on examples of the server. Which test would a client itself care about?
# 3. Who should count more in the average: a client with more examples, or one with rarer ones?
#
# ## Sources
#
# - The five steps and their names: P. Kairouz et al., *Advances and Open Problems in Federated Learning*, 2021,
#   [arXiv:1912.04977](https://arxiv.org/abs/1912.04977), section 1.1.
# - Averaging weighted by examples (FedAvg): H. B. McMahan et al., *Communication-Efficient Learning of Deep Networks
#   from Decentralized Data*, 2017, [arXiv:1602.05629](https://arxiv.org/abs/1602.05629).
# - The digits: E. Alpaydin and C. Kaynak, *Optical Recognition of Handwritten Digits*, UCI Machine Learning
#   Repository, 1998, as they come with scikit-learn.
