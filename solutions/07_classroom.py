# %% [markdown]
# # The classroom: one federation, many machines
#
# *About 60 minutes. You write three functions, three to twelve lines each. The last section wants company: a federation
# over a network is more fun with other people in it.*
#
# So far, server and clients lived in one program, and a round was a function that came back. From here on each client
# is a program of its own, on a laptop of its own, and between them there is a network: slow, shared, and full of people
# who close their laptops in the middle of a round.
#
# After this notebook you can
#
# - start a federation that others join, and say who calls whom, and what travels,
# - predict what a class of thirty does to the Wi-Fi,
# - say when a round ends although somebody is missing,
# - spot a poisoned update, and say what it costs to be suspicious.

# %%
import atexit
import json
import subprocess
import sys
import time

import numpy as np

from fedteach import Experiment, HttpServer, NotStarted, Update, check, hint, join, lab, progress, reset, steps, use

# %% [markdown]
# ## Where we are
#
# The five steps have not changed. What is new is the way between them: on the way from 1 to 3, and again from 3 to 4,
# everything crosses a network.

# %%
lab.plots.five_steps()

# %% [markdown]
# ## 1. A server and three laptops
#
# We begin with the whole story on one computer. The server runs in this notebook, in a thread of its own. Three
# *laptops* join it: three separate processes that know nothing of this notebook but an address and a password. They
# talk to the server exactly as they would from the other end of the room, except that what they say never leaves this
# computer.
#
# **Who calls whom?** A laptop sits behind a firewall and a router. It can call others, but others cannot call it. So in
# a federation the *clients* do all the calling, and the server is a mailbox:
#
# | a client's request | in plain words |
# | --- | --- |
# | `POST /v1/join` | "I have the class token. Is there a place for me?" |
# | `GET /v1/task` | "What shall I do?" If there is nothing to do, the answer takes its time, up to 20 seconds. |
# | `GET /v1/weights/3` | "Give me the weights of round 3." That is step 2. |
# | `POST /v1/alive` | "I am still training, do not give me up." Every 5 seconds. |
# | `PUT /v1/updates/3` | "Here is my update for round 3." Now step 4 can begin. |
# | `POST /v1/leave` | "Good-bye." |
#
# Only numbers travel, never code. A task says *how* to train (epochs, batch size, learning rate, seed), and the laptop
# does it with the fedteach that is installed on it. So your own steps 1, 4 and 5 can be at work in the server, and your
# own step 3 on your own laptop. A codec of your own must stay at home: the other side would have to know it.
#
# `lab.my_steps()` collects your functions from the notebooks in this folder.

# %%
mine = lab.my_steps()
at_the_server = {step: mine[step] for step in ("select", "global_update") if step in mine}

# %% [markdown]
# First some housekeeping: what this notebook starts it must also end, even if you close it in the middle.

# %%
laptops, servers = {}, []  # what this notebook has started


def close_class():
    """Send the laptops home, and end the server."""
    for laptop in laptops.values():
        laptop.terminate()
    for laptop in laptops.values():
        try:
            laptop.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            laptop.kill()
    for one in servers:
        one.stop()
    laptops.clear()
    servers.clear()


atexit.register(close_class)


def until(happened, within_s=120):
    """Wait until something has happened."""
    give_up_at = time.monotonic() + within_s
    while not happened():
        if time.monotonic() > give_up_at:
            raise TimeoutError(f"waited {within_s} s in vain; the server says: {server.board()['say']}")
        time.sleep(0.1)


# %% [markdown]
# Now the server. There are five places in this class, and eleven rounds. `aggregate` is step 4: it does what `rule`
# says at the moment, and in section 4 we shall change our mind about that while the class is running.

# %%
close_class()  # in case you run this cell again

weighted = mine.get("aggregate", steps.aggregation.weighted_mean)
rule = {"now": weighted}


def by_the_rule(updates):
    """Make one update of many, by the rule that holds now."""
    return rule["now"](updates)


experiment = Experiment(model="2nn", clients=5, split="1", rounds=11, epochs=3)
server = HttpServer(experiment, min_clients=1, update_window_s=5, aggregate=by_the_rule, **at_the_server)
server.control("pause")  # the instructor says when it begins
server.start()
servers.append(server)

print("Students type this into a shell:")
print("   ", server.join_line)
print("Everybody may look at this page:")
print("   ", server.dashboard_url)

# %% [markdown]
# Open that page in another tab of your browser, and leave it open: all that happens from here on can be watched there.
# (If your Jupyter runs on another computer, in a hub for example, your browser cannot reach that address. The cells
# below will tell you the same.)
#
# The laptops come in one after another. Each is a process that runs what the students would type. You could also open a
# terminal and type it yourself.


# %%
def open_laptop(name):
    """Let one client join in a process of its own, and wait until it has a place."""
    if name in laptops:
        return  # it is open already
    n_before = len(server.board()["cards"])
    line = ["join", server.url, "--token", server.class_token, "--name", name, "--patience", "20"]
    laptops[name] = subprocess.Popen(
        [sys.executable, "-m", "fedteach", *line], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    until(lambda: len(server.board()["cards"]) > n_before)


for name in ("Anna", "Ben", "Chris"):
    open_laptop(name)

until(lambda: all(card["n_examples"] for card in server.board()["cards"].values()))
for place, card in server.board()["cards"].items():
    print(f"place {place}: {card['name']:6} holds {card['n_examples']} digits, {card['state']}")

# %% [markdown]
# This is all the server knows of them: a place, a name, and a number of examples. The *place* is the client's name in
# the federation, and decides whose digits a laptop has to load: they come from the same seed as everywhere in this
# course.
#
# > **Predict.** We let three rounds pass. Then we run the same experiment once more in one single process, without any
# > network, with the clients 0, 1 and 2. Will the two curves be the same, nearly the same, or different? Think of the
# > order in which answers come in.


# %%
def play(last_round):
    """Let the class go on to the end of a round, tell what happened, and pause it again."""
    n_told = len(server.history)
    server.control("resume")
    until(lambda: len(server.history) >= last_round - 1 and server.board()["phase"] == "round")
    server.control("pause")
    until(lambda: server.board()["phase"] == "paused")
    tell(server.history[n_told:])


def tell(records):
    """Print a line for each round."""
    for record in records:
        line = f"round {record.round:2}: accuracy {record.server_accuracy:5.1%}, asked {', '.join(record.selected)}"
        print(line, *(f"; client {client} is lost ({why})" for client, why in record.lost.items()), sep="")


play(3)

# %%
n_rounds = len(server.history)
twin = experiment.federation(aggregate=weighted, **at_the_server | {"select": lambda clients, rng: clients[:3]})
twin.run(n_rounds)

for ours, theirs in zip(server.history, twin.history):
    print(
        f"round {ours.round}: over the network {ours.server_accuracy:.4%}, in one process {theirs.server_accuracy:.4%}"
    )
same = [np.array_equal(ours, theirs) for ours, theirs in zip(server.weights, twin.weights)]
print(f"tensors of the model that are the same to the last bit: {sum(same)} of {len(same)}")

# %% [markdown]
# **Explain.** The same to the last bit, and that takes some care. Every random draw comes from the seed, the round and
# the client, wherever it is made. The weights travel as the very bytes that they are. And the server averages the
# updates in the order in which it *asked*, whatever the order of their arrival: $(a + b) + c$ and $a + (b + c)$ may
# differ in the last digit, and after a hundred rounds in much more. (Laptops of different make may differ in the last
# digit all the same: their processors add in an order of their own.)

# %% [markdown]
# ## 2. The bytes of a class (7.1)
#
# Wi-Fi is shared: all laptops of a room talk through the same air, one after the other. So what counts is the number of
# bytes of *all* of them together. Down go the weights, to everybody who is asked. Up come the updates, from everybody
# who answers. Who is lost on the way has been sent the weights all the same: those bytes are spent.
#
# > **Predict.** Thirty laptops, ten rounds, a network of 1.2 million weights, Wi-Fi that really carries 50 megabits a
# > second. With four bytes for a weight, how long is the air busy? And with JSON, as in the first edition of this
# > course?
#
# **Your turn.** Write `class_traffic`. You get the rounds as pairs: the list of those who were asked, and a dictionary
# of those who were lost, with the reasons. For three laptops, of which one is lost in the second of two rounds, six
# messages go down and five come up. Mind the units: networks are measured in *megabits* per second, a million bits, and
# a byte has 8 bits.


# %%
def class_traffic(rounds, weights_bytes, update_bytes, megabits_per_s):
    """Count what a class moves over its network.

    rounds: for each round a pair (asked, lost): a list of clients, and a dict lost client -> reason.
    weights_bytes: bytes of one message with the weights, which goes down.
    update_bytes: bytes of one message with an update, which comes up.
    megabits_per_s: what the network carries, both ways together.
    Returns a dict: "down" and "up" in bytes, and the "seconds" for which the network is busy with them.
    """
    # BEGIN SOLUTION 7.1
    down = sum(len(asked) for asked, lost in rounds) * weights_bytes
    up = sum(len(asked) - len(lost) for asked, lost in rounds) * update_bytes
    return {"down": down, "up": up, "seconds": 8 * (down + up) / (megabits_per_s * 1_000_000)}
    # END SOLUTION 7.1


check("7.1", class_traffic)
# hint("7.1")  # remove the first # for a hint

# %% [markdown]
# Our small class first. We know its rounds and the size of one message. Compare what you predict with what the server
# has counted.

# %%
traffic = use("7.1", class_traffic)

message = len(steps.broadcast.float32().encode(server.weights))
predicted = traffic([(record.selected, record.lost) for record in server.history], message, message, 50)
print(f"one message: {message:,} bytes")
print(f"predicted:   {predicted['down']:,.0f} bytes down, {predicted['up']:,.0f} up")
down, up = (sum(getattr(record, way) for record in server.history) for way in ("bytes_down", "bytes_up"))
print(f"the server:  {down:,} bytes down, {up:,} up")

# %% [markdown]
# Now the class of thirty. Somebody is lost in every round, as it is in life. The first row is the first edition of this
# course, which sent its weights as JSON.

# %%
weight = np.random.default_rng(0).normal(0, 0.05, 10_000).astype(np.float32)
text_bytes = len(json.dumps(weight.tolist())) / weight.size
thirty = [str(i) for i in range(30)]
ten_rounds = [(thirty, {thirty[round]: "late"}) for round in range(10)]

print("                bytes a weight    all together   the Wi-Fi is busy for")
for name, bytes_a_weight in {"JSON": text_bytes, "float32": 4, "float16": 2, "int8": 1}.items():
    size = round(1_199_882 * bytes_a_weight)
    total = traffic(ten_rounds, size, size, 50)
    print(
        f"{name:10} {bytes_a_weight:19.1f} {(total['down'] + total['up']) / 1e6:12,.0f} MB"
        f" {total['seconds'] / 60:16.1f} minutes"
    )

# %% [markdown]
# **Explain.** With JSON, most of a lesson passes before ten rounds have travelled, and nobody has trained yet. Four
# bytes a weight are some eight minutes, and one byte (`--broadcast int8 --upload int8`, as in `02_broadcast`) two.
#
# What is counted here are the weights and updates themselves. Each request also has a few hundred bytes around it; and
# who is late may have sent an update that nobody counts any more.

# %% [markdown]
# ## 3. A laptop is closed (7.2)
#
# Ben has to catch his train. He closes his laptop without a good-bye, in the middle of the class.
#
# > **Predict.** What does the server do in the next round? Does it know at once? How long does it wait? And what does
# > it do in the round after that?

# %%
laptops["Ben"].kill()
play(5)

# %% [markdown]
# **Explain.** A server cannot tell a closed laptop from a slow one: both are silent. All it can do is to stop waiting.
# So it has three rules, and each of them ends in a number of seconds:
#
# - **When does a round begin?** When `min_clients` are here; or, if they do not come, `start_window_s` after the first.
# - **When does it end?** When enough have answered: all who were asked, or the share `update_ratio` of them. And at the
#   latest after `update_window_s`, which are 5 seconds here. Who answers later is told so, and takes part in the next
#   round.
# - **Who is asked?** Whoever was heard of lately. After 10 to 15 seconds without a sign of life, Ben is given up. You
#   will see below that he is not asked any more.
#
# Every round had its mean, of those who answered. Nobody had to press a button.
#
# **Your turn.** Write `close_round`, the second rule. `arrivals` are the answers in the order of time: how many seconds
# after the beginning of the round, from whom, and the update. Three things need care:
#
# - The round ends at the moment when `enough` of those who were asked have answered, and at the latest at `window_s`.
#   An answer at exactly `window_s` is in time.
# - On a network a message may come twice, and strangers may knock. The first answer of a client counts, and only if it
#   was asked.
# - The updates are returned in the order of `asked`, so that the mean does not depend on who was faster.
#
# Everybody who was asked and does not count is lost: `"not needed"` if the round ended because enough had answered, and
# `"late"` if it ended with the window.


# %%
def close_round(asked, arrivals, window_s, enough):
    """Say which updates count, who is lost and why, and when the round ends.

    asked: a list of clients.
    arrivals: a list of (seconds, client, update) in the order of time, counted from the beginning of the round.
    window_s: seconds after which the round ends in any case.
    enough: how many answers end it earlier, from 1 to len(asked).
    Returns (updates, lost, end_s): a list, a dict client -> "late" or "not needed", and seconds.
    """
    # BEGIN SOLUTION 7.2
    answers, end_s, why = {}, window_s, "late"
    for seconds, client, update in arrivals:
        if seconds > window_s:
            break
        if client in asked and client not in answers:
            answers[client] = update
        if len(answers) == enough:
            end_s, why = seconds, "not needed"
            break
    updates = [answers[client] for client in asked if client in answers]
    return updates, {client: why for client in asked if client not in answers}, end_s
    # END SOLUTION 7.2


check("7.2", close_round)
# hint("7.2")  # remove the first # for a hint

# %% [markdown]
# Give it the round in which Ben was missed for the first time, as the server saw it. (The server has noted how many
# seconds each laptop trained, and we take these for the moment at which its answer came.)

# %%
close = use("7.2", close_round)

record = next((record for record in server.history if record.lost), server.history[-1])
arrivals = sorted(
    (figures["seconds"], client, Update(client, record.round, [], figures["n_examples"]))
    for client, figures in record.clients.items()
)
_, lost, end_s = close(list(record.selected), arrivals, 5, len(record.selected))
print(f"your rule, round {record.round}: {lost}, the round ends after {end_s} s")
print(f"the server: {dict(record.lost)}, {record.seconds['clients']:.1f} s")

# %% [markdown]
# ### How many are enough?
#
# Thirty laptops are asked. They are of all ages: half of them train longer than 20 seconds, some much longer, and three
# were closed without a word. The window is two minutes.
#
# > **Predict.** How long does a round take if the server waits for all thirty? For 27 of them? For 24?

# %%
from fedteach import rng_for

rng = rng_for(0, "laptops")
seconds = np.sort(rng.lognormal(np.log(20), 0.6, size=27))  # three never answer
class_of_thirty = [(float(after), str(i), Update(str(i), 1, [], 100)) for i, after in enumerate(seconds)]
numbers = list(range(10, 31))
ends = [close(thirty, class_of_thirty, 120, enough)[2] for enough in numbers]

lab.plots.lines(
    {"a round takes": (numbers, ends)},
    x_label="answers that are enough, of 30",
    y_label="seconds until the round ends",
    title="The last ones cost the most",
    subtitle="Thirty laptops, three of them closed; the window is two minutes",
)

# %%
for enough in (15, 24, 27, 28, 30):
    updates, lost, end_s = close(thirty, class_of_thirty, 120, enough)
    print(f"enough are {enough}: {end_s:5.1f} s, {len(updates)} updates, {len(lost)} lost")

# %% [markdown]
# **Explain.** Half of the answers are there after some 20 seconds. Waiting for 27 takes more than twice as long, and
# whoever waits for the 28th waits in vain until the window ends: three have gone, and the server does not know.
#
# So wait for nine in ten (`update_ratio=0.9`)? It is quick, and not free: the *same* old laptops are left out in every
# round, and whatever they alone hold is never learnt. `01_client_selection` knows this problem, with phones.

# %% [markdown]
# ## 4. One of you lies (7.3)
#
# Ben has found a seat in the train and opens his laptop again. It joins as a newcomer, at a free place with other
# digits, because the program that held his old place is gone. (A laptop that only loses its connection for a while
# comes back to its own place.)
#
# And now *you* join, in this notebook, with a step 3 of your own. You train a little, so that your lie has the right
# shape, and then you turn your update round and make it a hundred times as long. Nobody asks you what you did at home.


# %%
from dataclasses import replace


def my_lie(model, x, y, plan, rng):
    """Train a little, and then walk a hundred times as far in the opposite direction."""
    before = model.get_weights()
    steps.local_update.sgd(model, x, y, replace(plan, epochs=1, batch_size=32), rng)
    model.set_weights([b - 100 * (after - b) for b, after in zip(before, model.get_weights())])


open_laptop("Ben again")
# mode="thread": do not wait here until the class is over, as it goes on only when this notebook says so.
me = join(server.url, server.class_token, name="You", local_update=my_lie, mode="thread")
until(lambda: len(server.board()["cards"]) == 5)
until(lambda: all(card["n_examples"] for card in server.board()["cards"].values()))

# %% [markdown]
# The server's door is well guarded. It refuses NaN, infinite and absurdly large numbers, arrays of another shape, a
# second answer, an answer to another round, an update in somebody else's name, and whoever claims more examples than
# anybody in this class can hold. Your lie is none of that.
#
# > **Predict.** Four laptops take part, three of them honest. What happens to the accuracy in two rounds?

# %%
play(7)

# %% [markdown]
# **Explain.** Three honest updates against one that is many times as long and points the other way: the mean is what
# the liar wants. The model forgets what five rounds have taught it, and no line of the log looks unusual.
#
# The median of `04_aggregation` withstands this, but it throws away much of what honest clients say. Another way is to
# *find* the liar, and to let the mean go on with the others. How would you know one? A long update alone is no proof,
# and a lie may be as long as the truth. But a lie is **far away from where most of the others are**. So:
#
# 1. The *middle* of a round is the median of each number over the clients, as in 4.4. One liar cannot move it far.
# 2. Each update has a *distance* from the middle: one number for the whole model, the root of the sum of the squared
#    differences over all numbers of all its tensors.
# 3. The *usual* distance is the median of these distances. The *spread* is the median of $|\text{distance} -
#    \text{usual}|$, called MAD, the *median absolute deviation*.
# 4. The *modified z-score* of a client is $0.6745 \cdot (\text{distance} - \text{usual}) / \text{spread}$. Above
#    **3.5** the client is a suspect.
#
# The 0.6745 makes it a familiar scale: for numbers from a bell curve, the score counts standard deviations. But where a
# mean and a standard deviation are pulled along by the very liar that they should find, medians stay where they are.
# (Nobody is ever 3 standard deviations away from the mean of nine numbers. Try it: eight zeros and a million.)
#
# For five clients that say 1, 2, 3, 4 and 100, the middle is 3, the distances are 2, 1, 0, 1 and 97, the usual distance
# is 1, the spread is 1, and the scores are 0.67, 0, −0.67, 0 and 64.8.
#
# **Your turn.** Write `suspects`: the clients' names, in the order of the updates. If all is well, the list is empty.


# %%
def suspects(updates):
    """Name the clients whose updates are too far from the middle of all.

    updates: a list of updates, three or more.
    Returns a list of the names (`update.client`) with a modified z-score above 3.5.
    """
    # BEGIN SOLUTION 7.3
    rows = np.array([np.concatenate([tensor.ravel() for tensor in update.delta]) for update in updates])
    distances = np.linalg.norm(rows - np.median(rows, axis=0), axis=1)
    away = distances - np.median(distances)
    spread = np.median(np.abs(away))
    return [update.client for update, a in zip(updates, away) if 0.6745 * a > 3.5 * spread]
    # END SOLUTION 7.3


check("7.3", suspects)
# hint("7.3")  # remove the first # for a hint

# %% [markdown]
# The class is paused. Change the server's mind, now, and let it play to the end.

# %%
find = use("7.3", suspects)
left_out = []  # who was suspected, round by round


def without_suspects(updates):
    """Average what is left when the suspects are gone."""
    updates = list(updates)
    named = find(updates)
    left_out.append(named)
    return weighted([update for update in updates if update.client not in named])


rule["now"] = without_suspects
n_before = len(server.history)
server.control("resume")
history = server.result(120)
tell(history[n_before:])
print("left out of the mean:", left_out)
print("you are client", next(place for place, card in server.board()["cards"].items() if card["name"] == "You"))

# %% [markdown]
# The whole lesson in one picture: three quiet rounds, two without Ben, two with a lie, and then somebody looked.

# %%
lab.plots.accuracy(history)

# %% [markdown]
# What has Anna seen of all this on her laptop?

# %%
said, _ = laptops["Anna"].communicate(timeout=60)
print("\n".join(said.splitlines()[:6]), "\n...\n" + "\n".join(said.splitlines()[-3:]))

# %%
close_class()

# %% [markdown]
# ### What suspicion costs
#
# The rule knows no intentions. It finds what is *unusual*, and honest clients can be that. Here are eight clients, and
# nobody lies. They share out the digits from 0 to 7. And the last one alone holds all eights and nines besides.

# %%
from collections import Counter

from fedteach import Client, Federation, Plan

digits = experiment.load_data()
labels = digits.train.y
order = rng_for(0, "rare digits").permutation(len(labels))
parts = np.array_split(order[labels[order] < 8], 8)
parts[7] = np.concatenate([parts[7], order[labels[order] >= 8]])
honest = [Client(f"client {i}", digits.train.x, labels, rows) for i, rows in enumerate(parts)]


def run_honest(aggregate):
    """Let the eight honest clients play ten rounds."""
    left_out.clear()
    plan = Plan(epochs=1, batch_size=8, learning_rate=0.1)
    federation = Federation(honest, "2nn", test=digits.test, plan=plan, aggregate=aggregate, client_accuracy=False)
    return federation.run(10)


# %% [markdown]
# > **Predict.** Which accuracy can a model reach at best that has never been told about eights and nines? And will your
# > rule leave anybody out?

# %%
runs = {"mean of all": run_honest(weighted), "without suspects": run_honest(without_suspects)}
times = Counter(client for named in left_out for client in named)
for client, n in sorted(times.items()):
    print(f"{client} was left out in {n} of 10 rounds")

lab.plots.compare(
    runs,
    title="Nobody lies, and somebody is left out",
    subtitle="8 honest clients; one of them alone holds eights and nines",
)

# %% [markdown]
# **Explain.** The one client that had something new to say was taken for a liar in every round, and the model stays
# below 80 %: two digits of ten it has never heard of. From the outside *rare* and *malicious* look the same, as you
# have seen with the median. Now and then another honest client is left out too: with a few clients, the median of a few
# distances is a rough measure.
#
# So a suspicion is a reason to look, and not yet a proof. Somebody should be asked before they are left out for good.
# And a clever liar reads this notebook too: it makes its lie just small enough for a score of 3.4, in every round. A
# class has another defence, that no formula gives you: to know who is in it.
#
# **Try it.** In `Experiment(model="2nn", clients=8, split="quantity:1.5", epochs=3, rounds=8)` some clients hold many
# more digits than others, and go further in a round. Who is left out there, and what does it cost?

# %% [markdown]
# ## 5. On many machines
#
# Now with real laptops. All that you need is in the command line, and all computers have to be in the same network.
#
# **The instructor** types this, on a computer that stays awake and plugged in:
#
#     fedteach serve --host 0.0.0.0 --tls --clients 30 --min-clients 20 --update-window 120 --qr
#
# `--host 0.0.0.0` opens the server to the network; without it, only the computer itself can reach it. The command
# prints the line that the students type, and two addresses: the dashboard for everybody (the QR code is this one), and
# the instructor's, with buttons to pause, resume and end. The second one does not belong on the projector. `fedteach
# serve --help` has the rest, and `HttpServer(...)` takes the same in a notebook, with steps of your own.
#
# If that computer crashes, `fedteach serve --resume runs` goes on after the last complete round, with the same tokens
# and places. The laptops keep trying meanwhile, and come back by themselves.
#
# **The students** copy the line from the projector into a shell:
#
#     fedteach join https://192.168.1.5:8765 --token abcde-fghij-klmno --fingerprint 3F:A1:...
#
# or the whole line into a cell of this notebook, where their own step 3 can do the training. Remove the first `#` and
# put your line in:

# %%
# join("fedteach join https://...", name="your name", local_update=mine.get("local_update"))

# %% [markdown]
# ### If nobody gets through
#
# - **"The server cannot be reached."** Does the server listen on its own computer only? Then `--host 0.0.0.0` is
#   missing. Does its firewall let nobody in? Allow Python, or the port 8765, in private networks. Does the Wi-Fi keep
#   laptops apart, as guest networks often do ("client isolation")? Take a router of your own, or a phone's hotspot.
#   (Many phones let ten devices in, or fewer.)
# - **"Its certificate has another fingerprint."** The line was copied with a mistake, or this is another server.
#   Compare it with the projector, and do not go on before it is the same.
# - **"All 30 places are taken."** There are more laptops than places: `--clients 40`.
# - **Late, in every round.** The window is too short for this laptop: a longer `--update-window`, or fewer `--epochs`.
#
# ### What travels, and what never does
#
# | travels | stays at home |
# | --- | --- |
# | the name that you give (without `--name`, it is your user name) | the examples and their labels |
# | how many examples you hold, how long you trained, your training loss | your code: only numbers travel |
# | the weights down, your update up | everything else on your laptop |
#
# In this course, the digits are public, and dealt by the seed, so that everybody's numbers are the same. In a real
# federation, each laptop would bring examples of its own. And then remember that an update is *made* of your examples.
# Whoever sees it alone can sometimes reconstruct some of them. That is what clipping, noise and secure aggregation are
# for, and here they are not switched on.
#
# ### Three keys and a seal
#
# - The **class token** lets somebody join, and look at the dashboard. Who has a photograph of your projector has it.
# - Each client gets a **token of its own** when it joins. It can put back one update, its own, in the round that is
#   running. So you cannot vote for your neighbour.
# - The **instructor's token** can pause, resume and end.
# - Without `--tls`, whoever is in the same Wi-Fi can read all three, and change what travels. With it, everything is
#   sealed. But who says that the server is the right one? On the web, a company vouches for that. In a classroom, it is
#   the **fingerprint** of the certificate, which you see on the projector with your own eyes, and which your laptop
#   compares.

# %% [markdown]
# ## Questions to think about
#
# 1. With `update_ratio=0.9`, the slowest laptops are left out in every round. How could the server be fair to them
#    without waiting for them?
# 2. Two liars of five agree on the same lie. Where is the middle then? And with three?
# 3. If updates are encrypted so that the server sees only their *sum*, nobody can reconstruct an example from a single
#    one. What becomes of `suspects`?
# 4. Three rules in section 3 contain a number of seconds. What goes wrong if one of them is much too small? Much too
#    large?
#
# ## Sources
#
# - Rounds over a network, with windows, and with more devices asked than needed: K. Bonawitz et al., *Towards Federated
#   Learning at Scale: System Design*, 2019, [arXiv:1902.01046](https://arxiv.org/abs/1902.01046), section 2.
# - The modified z-score, with 0.6745 and 3.5: B. Iglewicz and D. Hoaglin, *How to Detect and Handle Outliers*, 1993, as
#   in the [NIST/SEMATECH e-Handbook of Statistical
#   Methods](https://www.itl.nist.gov/div898/handbook/eda/section3/eda35h.htm), section 1.3.5.17. Ours looks only for
#   those that are too far, not for those that are nearer than usual.
# - The median for every single number: D. Yin et al., *Byzantine-Robust Distributed Learning: Towards Optimal
#   Statistical Rates*, 2018, [arXiv:1803.01498](https://arxiv.org/abs/1803.01498), Definition 1.
# - Lies that are small enough: M. Baruch et al., *A Little Is Enough: Circumventing Defenses For Distributed Learning*,
#   2019, [arXiv:1902.06156](https://arxiv.org/abs/1902.06156).
# - Examples out of updates: L. Zhu et al., *Deep Leakage from Gradients*, 2019,
#   [arXiv:1906.08935](https://arxiv.org/abs/1906.08935).
#
# **Next:** you have a federation that survives trains, liars and thirty laptops. What would you like it to learn?
