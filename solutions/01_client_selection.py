# %% [markdown]
# # Step 1, client selection: who takes part?
#
# *About 40 minutes. You write three functions, one to six lines each.*
#
# A round begins with a question: whom do we ask? Not everybody *can* take part: one phone is in somebody's hand,
# another one has an empty battery. Not everybody *has to*: a few clients teach a model nearly as much as all of them.
# And not everybody *will*: some of those that we ask never answer.
#
# After this notebook you can
#
# - say which clients may be asked, and who is never heard because of that,
# - choose a fraction of them by chance, and do it so that anyone can repeat your experiment,
# - say what a larger fraction buys, and what it costs,
# - compute how many clients to invite so that enough of them answer.

# %%
import math
import random

import numpy as np

from fedteach import ClientInfo, Experiment, NotStarted, check, hint, lab, progress, reset, rng_for, use
from fedteach.steps.aggregation import TooFewUpdates, weighted_mean

# %% [markdown]
# ## Where we are
#
# This is the first of the five steps. The server looks at its list of clients and picks the **cohort**: those that
# take part in this round.

# %%
lab.plots.five_steps(highlight=1)

# %% [markdown]
# ## 1.1 Who may take part
#
# Google trains the word suggestions of its keyboard on its users' phones. Nobody would put up with a phone that gets
# hot and slow while they type, or with a bill for the traffic. So a phone reports for work only when it is
#
# - **idle**: nobody is using it,
# - **charging**: training does not empty the battery,
# - **on an unmetered network**, such as Wi-Fi at home: nobody pays by the megabyte.
#
# All three at once. The server knows no more of a client than this; it never sees an example:

# %%
on_the_sofa = ClientInfo("Anna's phone", n_examples=120, idle=True, charging=True, unmetered=True)
on_the_train = ClientInfo("Ben's phone", n_examples=80, idle=True, charging=False, unmetered=False)

print(on_the_sofa)
print(on_the_train)

# %% [markdown]
# **Your turn.** Write `eligible`. It gets a list of clients like these two and returns a new list with those that meet
# all three conditions, in the order in which they came. Of the two above, that is `[on_the_sofa]`.


# %%
def eligible(clients):
    """Keep the clients that may train without bothering anybody.

    clients: a list; each client has .idle, .charging and .unmetered, True or False.
    Returns a list of clients, in the same order.
    """
    # BEGIN SOLUTION 1.1
    return [client for client in clients if client.idle and client.charging and client.unmetered]
    # END SOLUTION 1.1


check("1.1", eligible)
# hint("1.1")  # remove the first # for a hint

# %% [markdown]
# Now see a whole day. Here are 1,000 made-up phones. Their owners sleep at night, mostly with the phone at the charger
# and at home.
#
# > **Predict.** At three in the morning, about nine phones of ten are idle, eight of ten are charging and nine of ten
# > are on Wi-Fi. How many of 1,000 may take part? And at three in the afternoon, when it is five, four and six of ten?


# %%
def phones_at(hour):
    """Return 1,000 phones at an hour of the day, each with its three conditions drawn by chance."""
    night = (1 + np.cos(2 * np.pi * (hour - 3) / 24)) / 2  # 1 at three in the morning, 0 at three in the afternoon
    chances = np.array([0.5, 0.4, 0.6]) + night * np.array([0.4, 0.4, 0.3])
    flags = rng_for(0, "phones", hour).random((1000, 3)) < chances
    return [ClientInfo(f"phone {i}", 50, *map(bool, row)) for i, row in enumerate(flags)]


allowed = use("1.1", eligible)
hours = range(25)
phones = [phones_at(hour) for hour in hours]
day = {
    "idle": (hours, [sum(phone.idle for phone in now) for now in phones]),
    "charging": (hours, [sum(phone.charging for phone in now) for now in phones]),
    "unmetered": (hours, [sum(phone.unmetered for phone in now) for now in phones]),
    "all three": (hours, [len(allowed(now)) for now in phones]),
}
lab.plots.lines(
    day, x_label="hour of the day", y_label="phones", title="Who may take part?", subtitle="1,000 made-up phones"
)

# %% [markdown]
# **Explain.** If the three have nothing to do with one another, their chances multiply:
#
# $$0.9 \cdot 0.8 \cdot 0.9 = 0.648 \qquad\text{and}\qquad 0.5 \cdot 0.4 \cdot 0.6 = 0.12 .$$
#
# So about 650 phones at night and 120 in the afternoon. Google saw something like it in its own fleet, where four
# times as many phones took part at the best hour as at the worst.
#
# This has a price that no curve shows. Who works at night, has no charger by the bed or no Wi-Fi at home is *never*
# asked, and the model never learns how they write. Selection decides whose examples count.

# %% [markdown]
# ## 1.2 A seeded draw
#
# Say 1,000 clients may take part. Must we ask all of them? FedAvg asks a **fraction** $C$ of the $n$ clients,
#
# $$m = \max(1, \text{round}(C \cdot n)),$$
#
# each with the same chance, and others in the next round. With $C = 0.3$ and 10 clients that is 3 of them. With
# $C = 0.01$ it would be 0.1 of a client: then it is one, so that there is a round at all.
#
# "By chance" and "so that anyone can repeat it" go together well, if all chance comes from one place. A *generator*
# is such a place: it makes numbers that look random, and its **seed** fixes them all.
#
# > **Predict.** Run this cell three times. Which of the two lines changes?

# %%
print("random:     ", random.sample(range(10), 3))
print("rng, seed 7:", np.random.default_rng(7).choice(10, size=3, replace=False))

# %% [markdown]
# **Explain.** Python's `random` hides one generator that everything in your program shares, and NumPy's `np.random`
# hides another. What comes out depends on all that was drawn before, by you or by some library. The line with a
# generator and a seed of its own stays as it is.
#
# A user of the Flower framework had set the seeds of PyTorch and of NumPy, and still got another result from each run.
# The makers' answer: the clients are drawn from `random`, and *its* seed had not been set. So here the rule is: **a
# function that needs chance is given its generator, and draws from nothing else.** In fedteach it is called `rng`. Each
# round has one of its own, and all of them follow from the seed of the experiment.
#
# **Your turn.** Write `choose_fraction`. It returns a list of `max(1, round(fraction * n))` of the `n` clients:
#
# - each with the same chance, whatever it holds, and nobody twice,
# - drawn from `rng` and from nothing else,
# - in the order in which they stand in `clients`, so that sums of floats and the colours of plots keep theirs,
# - and `[]` if there is no client at all.


# %%
def choose_fraction(clients, fraction, rng):
    """Choose a fraction of the clients, each with the same chance.

    clients: a list of clients.
    fraction: share of them to choose, 0 to 1; at least one client is chosen.
    rng: a numpy generator, as np.random.default_rng(7) makes it.
    Returns a list of different clients, in the order of `clients`.
    """
    # BEGIN SOLUTION 1.2
    if not clients:
        return []
    n = max(1, round(fraction * len(clients)))
    places = rng.choice(len(clients), size=n, replace=False)
    return [clients[place] for place in sorted(places)]
    # END SOLUTION 1.2


check("1.2", choose_fraction)
# hint("1.2")  # remove the first # for a hint

# %% [markdown]
# Let it drive a federation: 20 clients with skewed digits (experiment 4 of the course), 4 of them in each round.
#
# > **Predict.** In 15 rounds there are 15 × 4 = 60 places for 20 clients. So each is asked three times *on average*.
# > Is there a client that is never asked? What would you guess is the largest number of times?

# %%
choose = use("1.2", choose_fraction)
skewed = Experiment(clients=20, split="4", model="logistic", epochs=5, client_accuracy=False)

four = skewed.replace(fraction=0.2).federation(select=choose).run(15)
lab.plots.participation(four)

# %%
asked = [client for record in four for client in record.selected]
times = {client: asked.count(client) for client in skewed.client_ids()}
print("never asked:", ", ".join(client for client in times if times[client] == 0) or "nobody")
print("most often: ", max(times.values()), "times")

# %% [markdown]
# **Explain.** A client is left out of one round with probability 0.8, and of all 15 with $0.8^{15} \approx 0.035$. Of
# 20 clients that is 0.7 on average: in about every second run of this kind, somebody is never asked. Chance is fair in
# the long run, and 15 rounds are not long.
#
# ### The seed that was forgotten
#
# Here is a sampler that looks fine. It takes a generator with the round's number as its seed, so each round differs,
# and each run can be repeated. Run it with three different seeds of the experiment, and look at the first three rounds.


# %%
def keyed_on_the_round(clients, fraction, seed, round):
    """Choose clients by the number of the round."""
    return choose(clients, fraction, np.random.default_rng(round))


def keyed_on_both(clients, fraction, seed, round):
    """Choose clients by the seed of the experiment and the number of the round."""
    return choose(clients, fraction, rng_for(seed, "select", round))


ten = [ClientInfo(str(i), 50) for i in range(10)]
for sampler in (keyed_on_the_round, keyed_on_both):
    print(sampler.__name__)
    for seed in (0, 1, 2):
        cohorts = [sampler(ten, 0.3, seed, round) for round in (1, 2, 3)]
        print(f"  seed {seed}:", "   ".join("".join(f"{client.id:>2}" for client in cohort) for cohort in cohorts))

# %% [markdown]
# **Explain.** The first sampler forgets the seed. Three seeds, and three times the same clients in the same order. You
# would repeat your experiment with three seeds, get three very similar curves, and report that your result does not
# depend on who was chosen. In truth you never tried anyone else. No error, no warning: FedJAX, a well-made framework,
# has a relative of this mistake, where the chance inside the clients' training follows from the round alone.

# %% [markdown]
# ## What a larger fraction buys
#
# > **Predict.** Draw three curves over 15 rounds: with 1, with 4 and with all 20 clients in each round. Which is the
# > highest at the end? Which is the smoothest? Is the one with 20 clients five times as good as the one with 4?

# %%
by_fraction = {
    "1 client a round": skewed.replace(fraction=0.05).federation(select=choose).run(15),
    "4 clients a round": four,
    "all 20 clients": skewed.replace(fraction=1.0).federation(select=choose).run(15),
}
lab.plots.compare(by_fraction, title="How many clients in each round?", subtitle="20 clients with skewed digits")

# %% [markdown]
# **Explain.** One client a round: the model runs after whoever was asked last, and forgets the others. A single round
# can cost it twenty points or more. Four clients pull in four directions, and much of that cancels. With all twenty the
# curve is smooth. But see how near the one with four comes to it in its good rounds: what the other sixteen have to add
# is mostly what the four have said already. (Your curves may differ a little from your neighbour's. There is more than
# one right way to draw, and each draws other clients.)
#
# Now look at the same runs with another question: how much *work* was it? The x axis counts every client that has
# trained so far. It grows by factors, so that all three runs fit in.

# %%
work = {
    name: (np.cumsum([len(record.selected) for record in history]), history.server_accuracy)
    for name, history in by_fraction.items()
}
lab.plots.lines(
    work,
    x_label="clients that have trained so far",
    y_label="accuracy (%)",
    title="What it costs",
    subtitle="The same three runs",
    log_x=True,
    percent=True,
)

# %% [markdown]
# **Explain.** Now the order is turned round. After 60 trainings the model of four clients a round has had fifteen
# rounds and is ahead; the one that asks everybody is in its third. Few clients save *work*; many clients save
# *rounds*, and bring calm. The usual choice lies in between. On MNIST, with 100 clients that all hold the same kind
# of data, the FedAvg paper needed 18 rounds to 99 % with $C = 0.1$, and 16 with $C = 1$: ten times the work for two
# rounds.

# %% [markdown]
# ## Those that never answer
#
# So far, all who were asked have answered. Real clients do not: a phone is taken off its charger, a train enters a
# tunnel, a laptop is closed. Among Google's phones 6 to 10 of 100 drop out of a round. Let us be harsher.
#
# > **Predict.** Five clients are asked in each round, and six of ten answers get lost. What will the curve look like?

# %%
five = skewed.replace(fraction=0.25)
with_drops = {
    "nobody drops out": five.federation(select=choose).run(15),
    "6 of 10 drop out": five.replace(drop=0.6).federation(select=choose).run(15),
}
lab.plots.compare(with_drops, title="Clients that drop out", subtitle="5 of 20 clients are asked in each round")

# %%
lab.plots.participation(with_drops["6 of 10 drop out"])

# %% [markdown]
# **Explain.** It learns all the same! The clients that are left are still a fair draw, only a smaller one, and so it
# has the restless curve of a small one. Now and then nobody at all answers: the chance of that is $0.6^5 \approx
# 0.08$. Then the model simply stays as it was.
#
# This holds as long as *chance* decides who drops out. If it is always the slow phones, or those in the countryside,
# their owners are never heard, as in 1.1.
#
# ## 1.3 How many to invite
#
# Many servers insist on a least number of answers. The mean of two clients nearly gives away what each of them sent,
# and *secure aggregation*, which shows the server nothing but a sum, needs a crowd to hide in. With fewer answers the
# round **fails**: it is given up, all its work is lost, and the model stays as it was.
#
# So: at least 5 answers, and 6 of 10 clients do answer. We need $5 / 0.6 = 8.3$, say 9 invitations.
#
# > **Predict.** In how many of 100 rounds will at least 5 of the 9 answer: 99, 90, 73 or 50?

# %%
answers = rng_for(0, "answers").binomial(9, 0.6, size=100_000)  # 100,000 rounds; each number: how many of 9 answered
print(f"at least 5 of 9: {np.mean(answers >= 5):.1%} of the rounds; on average {answers.mean():.2f} answer")

# %% [markdown]
# **Explain.** "Enough on average" fails in about every fourth round. We want more certainty than that, so let us count.
# $N$ clients are invited, and each answers with probability $p$, whatever the others do. Exactly $k$ answer with
# probability
#
# $$\binom{N}{k}\, p^k\, (1-p)^{N-k} .$$
#
# Here $p^k (1-p)^{N-k}$ is the chance that a certain group of $k$ answers and all the others do not, and
# $\binom{N}{k}$, in Python `math.comb(N, k)`, says how many such groups there are. The smallest example: you need one
# answer, and clients answer like a coin, $p = 1/2$. With two invitations the chances of 0, 1 and 2 answers are 1/4, 2/4
# and 1/4. So at least one comes with 3/4. With three invitations it is 7/8. If you want to be sure to 80 %, that is
# a *confidence* of 0.8, you have to invite three.
#
# **Your turn.** Write `invitations`: the smallest number $N$ of clients to invite so that at least `n` answer with a
# probability of `confidence` or more. `invitations(1, 0.5, 0.8)` is 3. "At least `n`" means: `n` answers, or `n + 1`,
# and so on up to all $N$; add up their chances. And compute it, do not throw dice as the cell above does: they come
# near the right number, and now and then miss it by one.


# %%
def invitations(n, p_answer, confidence):
    """Say how many clients to invite so that enough of them answer.

    n: answers needed, 1 or more.
    p_answer: probability that a client answers, above 0, at most 1.
    confidence: wanted probability that at least n answer, between 0 and 1.
    Returns a whole number, the smallest one that will do.
    """
    # BEGIN SOLUTION 1.3
    invited, too_few = n - 1, 1.0
    while too_few > 1 - confidence:
        invited += 1
        # the chance of 0, 1, ... or n - 1 answers
        too_few = sum(math.comb(invited, k) * p_answer**k * (1 - p_answer) ** (invited - k) for k in range(n))
    return invited
    # END SOLUTION 1.3


check("1.3", invitations)
# hint("1.3")  # remove the first # for a hint

# %% [markdown]
# Hold your numbers against thrown dice: 10,000 rounds for each point of this picture. Each of your numbers should be
# the first point of its line at or above 95 %.

# %%
needed = use("1.3", invitations)
invited = range(5, 21)
dice = rng_for(0, "dice")
chances = {
    f"{100 * p:.0f} % answer": (invited, [np.mean(dice.binomial(N, p, size=10_000) >= 5) for N in invited])
    for p in (0.9, 0.75, 0.6)
}
for p, (_, shares) in zip((0.9, 0.75, 0.6), chances.values(), strict=True):
    N = needed(5, p, 0.95)
    print(f"{100 * p:.0f} % answer: invite {N}; by the dice, {shares[N - 5]:.1%} of such rounds get their 5 answers")
lab.plots.lines(
    chances,
    x_label="clients invited",
    y_label="rounds with at least 5 answers (%)",
    title="How many to invite?",
    subtitle="Each point: 10,000 rounds of thrown dice",
    percent=True,
)

# %% [markdown]
# **Explain.** Each line is still steep where n / p lies (5.6, 6.7 and 8.3): one client more or less decides there. That
# is where "enough on average" puts you. A few more invitations, and you are on the flat top.
#
# Now a server that insists on five answers, with clients of which four in ten drop out. Its aggregation step gives a
# round up by raising fedteach's `TooFewUpdates`. The last run uses fedteach's own `over_select`: it invites 2.6 × 5 =
# 13 clients and closes the round as soon as five have answered.
#
# > **Predict.** The server invites 5, 9 or 13 clients in each of 10 rounds. How many rounds fail, each time?


# %%
def at_least_five(updates):
    """Average the updates, or give the round up if fewer than five came."""
    updates = list(updates)
    if len(updates) < 5:
        raise TooFewUpdates(f"{len(updates)} of 5 answers")
    return weighted_mean(updates)


with_minimum = {}
for N in (5, 9, needed(5, 0.6, 0.95)):
    unreliable = skewed.replace(fraction=N / 20, drop=0.4)
    history = unreliable.federation(select=choose, aggregate=at_least_five).run(10)
    failed = sum(len(record.clients) < 5 for record in history)
    with_minimum[f"{N} invited, {failed} failed"] = history
first_five = skewed.replace(select="over_select:5,2.6", drop=0.4)
with_minimum["13, the first 5 count"] = first_five.federation(aggregate=at_least_five).run(10)
lab.plots.compare(with_minimum, title="At least five answers, or the round fails", subtitle="4 of 10 clients drop out")

# %% [markdown]
# **Explain.** That all five of five answer has a chance of $0.6^5 \approx 0.08$: nearly every round fails, and the
# model learns little or nothing. With nine, about every fourth round is a flat piece of the curve. With thirteen
# hardly any fails. The price: on average eight clients train where five would do. Closing the door behind the first
# five does not give that work back, but nobody has to *wait* for the others. How much that is worth comes next.
#
# ## The slow and the silent
#
# In the first edition of this course the server waited until *every* client had answered. One laptop was closed, and
# the whole class waited, for ever. There was no time limit. Had the server been content with all but one, nobody
# would have noticed.
#
# Let us see what spare invitations do to the *time* of a round. These phones are made up: most answer within one to
# four minutes, some take longer, and one in ten never answers. The server needs 100 answers.
#
# > **Predict.** It invites 100 phones. How long does the round take? How long if it invites 120, and how long with 130?


# %%
def minutes_to_answer(n_phones, rng):
    """Draw how long each phone takes; inf stands for one that never answers."""
    minutes = rng.lognormal(np.log(2), 0.5, size=n_phones)
    return np.where(rng.random(n_phones) < 0.1, np.inf, minutes)


def ends_of_rounds(n_phones):
    """Return when the 100th answer is in, for 1,000 rounds, the shortest round first."""
    rng = rng_for(0, "minutes", n_phones)
    return np.sort([np.sort(minutes_to_answer(n_phones, rng))[99] for _ in range(1000)])


phones_invited = range(100, 145, 5)
ends = [ends_of_rounds(N) for N in phones_invited]
lab.plots.lines(
    {
        "a typical round": (phones_invited, [minutes[500] for minutes in ends]),
        "a bad round (1 in 100)": (phones_invited, [minutes[990] for minutes in ends]),
    },
    x_label="phones invited",
    y_label="minutes until 100 have answered",
    title="What spare invitations do for the slow",
    subtitle="Where there is no point, the round never ends",
)

# %%
print("invitations for 100 answers in 99 of 100 rounds:", needed(100, 0.9, 0.99))

# %% [markdown]
# **Explain.** With 100 invitations the round never ends: some phone is always silent. Your formula says 120, and
# there nearly every round ends. But it may end late, after nine minutes in a bad round, because it still needs most
# of the slow phones. With 130 it does not: it takes about three and a half minutes, and a little over four in a bad
# round. Beyond that there is little to gain.
#
# This is how Google runs it: 130 % of the phones that are needed are invited, some to make up for those that drop out,
# the others so that nobody has to wait for the slowest. In fedteach it is
# `Experiment(select="over_select:100,1.3")`. And since things can go wrong all at once, there is a time limit on top:
# `Federation(..., deadline_s=60)` gives up on whoever has not answered after 60 seconds.
#
# By now you know the question to ask: *who* is it that is never heard? This time it is the owners of slow phones.

# %% [markdown]
# ## Questions to think about
#
# 1. Some people are hardly ever idle, charging and on Wi-Fi at once. What could the server do so that the model still
#    works for them? What would it have to know about them?
# 2. Instead of drawing lots one could ask those clients for which the model is *worst*. What could go well, and what
#    could go wrong? (Try it: `Experiment(clients=20, split="4", select="power_of_choice:4,8")`.)
# 3. Your `invitations` takes it that each client drops out for itself. When do many of them drop out together, and what
#    becomes of your 95 % then?
#
# ## Sources
#
# - Idle, charging, unmetered; drop-outs of 6 to 10 %; inviting 130 %; four times as many phones at the best hour: K.
#   Bonawitz et al., *Towards Federated Learning at Scale: System Design*, 2019,
#   [arXiv:1902.01046](https://arxiv.org/abs/1902.01046), sections 3 and 9.
# - The keyboard: A. Hard et al., *Federated Learning for Mobile Keyboard Prediction*, 2018,
#   [arXiv:1811.03604](https://arxiv.org/abs/1811.03604).
# - The fraction C and the rounds on MNIST: H. B. McMahan et al., *Communication-Efficient Learning of Deep Networks
#   from Decentralized Data*, 2017, [arXiv:1602.05629](https://arxiv.org/abs/1602.05629), Algorithm 1 and Table 1.
# - Asking those with the highest loss: Y. J. Cho et al., *Client Selection in Federated Learning: Convergence
#   Analysis and Power-of-Choice Selection Strategies*, 2020, [arXiv:2010.01243](https://arxiv.org/abs/2010.01243).
# - Seeds that were set, and a generator that was forgotten: Flower, issue 1845. The round alone as the seed: FedJAX,
#   `fedjax/core/client_samplers.py`.
#
# **Next:** `02_broadcast`. The cohort is chosen. What travels to it, and how many bytes is that?
