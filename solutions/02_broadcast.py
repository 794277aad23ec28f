# %% [markdown]
# # Step 2, broadcast: what travels, and how many bytes it takes
#
# *About 40 minutes. You write five functions, one to eight lines each.*
#
# The server has chosen its clients. Now its model has to get to each of them, and after training something has to
# come back. No example ever travels, but the model does, twice for every client in every round. The authors of FedAvg
# reckon with an upload of 1 MB per second or less, so on phones it is often the traffic, and not the training, that
# decides how long a round takes.
#
# After this notebook you can
#
# - turn a model's weights into one message that any program can read, and back,
# - say what a round costs in bytes, and why text is a poor way to send numbers,
# - send a number in a single byte, and say beforehand how wrong it can arrive,
# - compare ways of sending by what they cost for the same accuracy.

# %%
import json

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from fedteach import Codec, Experiment, NotStarted, check, hint, lab, models, progress, reset, steps, use

# %% [markdown]
# ## Where we are
#
# This is the second of the five steps. The same question comes up again on the way back, when the clients send their
# updates, so all that you write here works in both directions.

# %%
lab.plots.five_steps(highlight=2)

# %% [markdown]
# ## 2.1 Weights to one message
#
# To the rest of the world, a model is a list of arrays, called *tensors*. Here is the small network that reads our
# digits: two convolutions and two dense layers, each with a *kernel* (what it multiplies by) and a *bias* (what it
# adds).

# %%
model = models.build(models.builder("small_cnn", (8, 8, 1), 10), seed=0)
weights = model.get_weights()

for place, variable in enumerate(model.weights):
    print(place, variable.name, tuple(variable.shape))

# %% [markdown]
# > **Predict.** Somebody wants to send these eight tensors as a dictionary, by their names:
# > `{variable.name: variable for variable in model.weights}`. How many tensors arrive?

# %%
by_name = {variable.name: variable for variable in model.weights}

print(len(by_name), "tensors:", {name: tuple(variable.shape) for name, variable in by_name.items()})

# %% [markdown]
# **Explain.** Two. In Keras 3 the variables of every layer are called `kernel` and `bias`, and in a dictionary a later
# entry replaces an earlier one of the same name. Nobody complains. This is no made-up trap: the research framework pfl
# (release 0.6.0) looks tensors up by `variable.name`, and when we tried it with Keras 3, only two of a network's ten
# tensors took part, without any error message.
#
# What no two tensors share is their **place** in the list. So that is their name: `"0"`, `"1"`, `"2"` and so on.
#
# The message itself is a *safetensors* file, a format that programs in many languages can read: eight bytes for the
# length of the header, a header that says what is where, then the numbers as they lie in the memory. Why not `pickle`,
# which is part of Python? Because a pickle may contain instructions, and whoever opens it follows them. A server opens
# messages from strangers all day.
#
# **Your turn.** Write `to_message`. `save` (imported above) takes a dictionary from names to arrays and returns the
# bytes. What arrives must be what you *see* when you look at the arrays. Two kinds need care, and the check tries both:
# a tensor that is a single number, of shape `()`, and an array that is only a *view* of another one, such as the
# transpose `x.T`: there the numbers lie in the memory in another order than the one that you see.


# %%
def to_message(weights):
    """Pack a model's weights into one message.

    weights: an ordered list of float32 arrays.
    Returns bytes: a safetensors message, the tensors named "0", "1", ... by their place.
    """
    # BEGIN SOLUTION 2.1
    # order="C" lays the numbers of a view out in their order; unlike ascontiguousarray it keeps the shape ().
    return save({str(place): np.array(tensor, order="C") for place, tensor in enumerate(weights)})
    # END SOLUTION 2.1


check("2.1", to_message)
# hint("2.1")  # remove the first # for a hint

# %% [markdown]
# Look into your message. The header is text; behind it come the numbers, 4 bytes each:

# %%
message = use("2.1", to_message)(weights)
header_size = int.from_bytes(message[:8], "little")
header = json.loads(message[8 : 8 + header_size])

for name, about in header.items():
    print(f'"{name}"', about)
print(f"{len(message):,} bytes, {header_size:,} of them for the header")

# %% [markdown]
# ## 2.2 A message to weights
#
# At the other end of the line, the bytes become a list again. `load` gives a dictionary, and you want a list.
#
# > **Predict.** A message holds twelve tensors, "0" to "11". In which order does `load` return them? And in which order
# > does `sorted` put their names?

# %%
twelve = load(save({str(place): np.zeros(1, np.float32) for place in range(12)}))

print("load:  ", *twelve)
print("sorted:", *sorted(twelve))

# %% [markdown]
# **Explain.** `load` promises no order: run the cell again, and it is another one. `sorted` compares names as *text*,
# letter by letter, and so "10" comes before "2". With ten tensors or fewer you would not notice. With eleven, every
# array from the third on lands in the wrong layer, and where the shapes happen to agree nobody complains.
#
# And then there is the outside world. Connections break in the middle, and programs send the wrong thing. In the first
# edition of this course, a broken upload simply counted as a client that had finished, with an accuracy of 0. Bytes
# that are no message must be *refused*, in words that help, and not be turned into something.
#
# **Your turn.** Write `from_message`: the arrays in the order of the model. Raise a `ValueError`
#
# - if the bytes are no safetensors message (`load` then raises a `SafetensorError`, which is no `ValueError`),
# - if the names are not exactly "0" to "n - 1" for n tensors,
#
# and let its text say what is wrong, as in `raise ValueError("these bytes are no message")`.


# %%
def from_message(message):
    """Unpack one message into the weights of a model.

    message: bytes, as `to_message` makes them, or as another program does.
    Returns the list of arrays in the order of their places.
    """
    # BEGIN SOLUTION 2.2
    try:
        tensors = load(message)
        return [tensors[str(place)] for place in range(len(tensors))]
    except (SafetensorError, KeyError) as error:
        raise ValueError(f"{len(message)} bytes are no message with the tensors 0, 1, 2, ...: {error!r}") from error
    # END SOLUTION 2.2


check("2.2", from_message)
# hint("2.2")  # remove the first # for a hint

# %% [markdown]
# The two together are a **codec** (from *coder* and *decoder*), and a federation takes any codec you like. From here
# on, every byte between server and clients goes through your functions:

# %%
experiment = Experiment(clients=5, split="1", epochs=3, client_accuracy=False)

mine = Codec("my message", use("2.1", to_message), use("2.2", from_message))
federation = experiment.federation(broadcast=mine, upload=mine)
history = federation.run(6)
print(history.table())

# %% [markdown]
# The last two columns are the bytes that were *sent* to the clients and *received* from them in each round: five
# messages down, five up.

# %% [markdown]
# ## 2.3 What a round costs
#
# The first edition of this course sent its weights as JSON, the text format of the web: easy to read, and every
# language knows it. Its network had 1,199,882 weights. The students' logs were full of connection errors.
#
# > **Predict.** In the memory, a float32 takes 4 bytes. How many characters are 0.1 and 1/3 as JSON?

# %%
for number in (0.1, 1 / 3, 0.5):
    text = json.dumps(np.array(number, np.float32).tolist())
    print(f"{text:22} {len(text)} characters")

# %% [markdown]
# **Explain.** A float32 has about seven digits that mean something, but it is a *binary* number, and most of those have
# no short decimal. Python writes as many digits as it takes to get exactly the same number back. With its comma and its
# space, a weight of our model takes about 22 characters, more than five times its 4 bytes.
#
# There are ways to go below 4 bytes, too. *float16* has 2 bytes for a number, and about three digits. *int8* has a
# single byte, and how that can work is what you find out in 2.4.
#
# **Your turn.** Write `round_bytes`: how many bytes of numbers does one round move, to `n_clients` clients and back?
# For JSON, write the weights as nested lists (`tolist` on each array), all in one `json.dumps`; each character is a
# byte. For the others count 4, 2 and 1 bytes for each number, and leave headers out: they are a few hundred bytes.
# For one client, and a model that is the single tensor `[1.0, 0.5, 2.0, 4.0, 8.0]`, that makes
# `{"JSON": 54, "float32": 40, "float16": 20, "int8": 10}`.


# %%
def round_bytes(weights, n_clients):
    """Count the bytes of numbers that one round moves, down and up.

    weights: an ordered list of float32 arrays.
    n_clients: how many clients get the weights and answer with as many numbers.
    Returns a dict with the keys "JSON", "float32", "float16" and "int8".
    """
    # BEGIN SOLUTION 2.3
    n_messages = 2 * n_clients  # one down and one up for each
    n_numbers = sum(tensor.size for tensor in weights)
    text = json.dumps([tensor.tolist() for tensor in weights])
    return {
        "JSON": n_messages * len(text),
        "float32": n_messages * n_numbers * 4,
        "float16": n_messages * n_numbers * 2,
        "int8": n_messages * n_numbers,
    }
    # END SOLUTION 2.3


check("2.3", round_bytes)
# hint("2.3")  # remove the first # for a hint

# %% [markdown]
# What does a round with five clients cost, with our small network and with the one of the first edition?

# %%
first_edition = [np.random.default_rng(0).normal(0, 0.05, 1_199_882).astype(np.float32)]
count = use("2.3", round_bytes)
small, large = count(weights, 5), count(first_edition, 5)

print("          our network   first edition")
for name in small:
    print(f"{name:8} {small[name] / 1e6:9.1f} MB  {large[name] / 1e6:11.1f} MB")

# %% [markdown]
# A quarter of a gigabyte for one round with five clients: no wonder that connections broke.

# %% [markdown]
# ## 2.4 A tensor in 256 levels
#
# A byte has 256 values. To send a number in one byte, divide the way from the smallest to the largest number of a
# tensor into 255 equal steps, and send only *how many steps up* a number is. This is called *quantisation*, and the 256
# places are its *levels*. The tensor's smallest number, `low`, and the length of a step, `scale`, travel along.
#
# A tensor with the four numbers −1, 0, 0.128 and 1.55 goes from −1 to 1.55. A step is
#
# $$\text{scale} = \frac{\max - \min}{255} = \frac{1.55 - (-1)}{255} = 0.01 ,$$
#
# and each number goes to the nearest level:
#
# | number $x$ | steps above −1 | level | stands for |
# | ---: | ---: | ---: | ---: |
# | −1 | 0 | 0 | −1 |
# | 0 | 100 | 100 | 0 |
# | 0.128 | 112.8 | 113 | 0.13 |
# | 1.55 | 255 | 255 | 1.55 |
#
# > **Predict.** 0.128 arrives as 0.13, so it is off by 0.002. What is the *largest* error that any number between −1
# > and 1.55 can have? Write down a formula with `scale`; you will test it in a moment.
#
# **Your turn.** Write `quantise`. Two kinds of tensors need care. A tensor of equal numbers (a new bias is all zeros)
# has a scale of 0, and you cannot divide by that: give each number level 0. And NaN ("not a number") or an infinite
# number has no place between a smallest and a largest one: refuse such a tensor with a `ValueError`.


# %%
def quantise(tensor):
    """Turn a tensor into 256 levels between its smallest and its largest number.

    tensor: a float32 array.
    Returns (levels, low, scale): a uint8 array of the same shape, the smallest number, the length of a step.
    """
    # BEGIN SOLUTION 2.4
    if not np.isfinite(tensor).all():
        raise ValueError("NaN and infinite numbers have no level")
    low = tensor.min()
    scale = (tensor.max() - low) / 255
    n_steps = (tensor - low) / (scale if scale > 0 else 1)
    return np.round(n_steps).astype(np.uint8), low, scale
    # END SOLUTION 2.4


check("2.4", quantise)
# hint("2.4")  # remove the first # for a hint

# %% [markdown]
# ## 2.5 And back
#
# **Your turn.** Write `dequantise`: the numbers that the levels stand for, as float32. It is one line.


# %%
def dequantise(levels, low, scale):
    """Turn levels back into the numbers that they stand for.

    levels: a uint8 array.
    low, scale: two numbers, as `quantise` returns them.
    Returns a float32 array of the same shape.
    """
    # BEGIN SOLUTION 2.5
    return (low + scale * levels).astype(np.float32)
    # END SOLUTION 2.5


check("2.5", dequantise)
# hint("2.5")  # remove the first # for a hint

# %% [markdown]
# Now test your prediction. These are the eight tensors of the federation that you trained above, there and back:

# %%
to_levels, from_levels = use("2.4", quantise), use("2.5", dequantise)

print("place  shape            scale     half a step  largest error")
for place, tensor in enumerate(federation.weights):
    levels, low, scale = to_levels(tensor)
    error = np.abs(from_levels(levels, low, scale) - tensor).max()
    print(f"{place:<6} {tensor.shape!s:16} {scale:.6f}  {scale / 2:.6f}     {error:.6f}")

# %% [markdown]
# **Explain.** A number goes to the *nearest* level, and levels are one `scale` apart, so no number moves by more than
# half a step: the error is at most scale / 2. You know this before you have seen a single number, only from the
# smallest and the largest one. (In the seventh digit, float32's own rounding may add a little.)
#
# That is also where the weak spot is. The smallest and the largest number decide for all others.
#
# > **Predict.** Tensor 4 has 32,768 numbers, all of them between −0.2 and 0.2. *One* of them becomes 10. What becomes
# > of the others when they go through your two functions?

# %%
kernel = federation.weights[4]
with_outlier = kernel.copy()
with_outlier[0, 0] = 10

arrives = {}
for name, tensor in (("as it is", kernel), ("with one 10 in it", with_outlier)):
    levels, low, scale = to_levels(tensor)
    print(f"{name:18} {len(np.unique(levels)):3} levels in use, half a step is {scale / 2:.4f}")
    sample = np.argsort(tensor, axis=None)[200:-200:40]  # from small to large, without the very rare ones
    arrives[name] = tensor.ravel()[sample], from_levels(levels, low, scale).ravel()[sample]

lab.plots.lines(
    arrives,
    x_label="number that was sent",
    y_label="number that arrived",
    title="One outlier takes the levels away from all others",
    subtitle="Some of the 32,768 numbers of tensor 4, there and back in 256 levels",
)

# %% [markdown]
# **Explain.** As it is, the tensor has steps so small that the line looks straight. With one 10 in it, the 255 steps
# are spread over the way up to 10, and all other numbers have to make do with about ten levels (the picture leaves out
# the rarest numbers and shows six): a staircase, with errors as large as many of the weights themselves. For this
# reason each tensor has a low and a scale of its own: an outlier spoils its own tensor, and no other.

# %% [markdown]
# ## Accuracy against bytes
#
# What does all that rounding cost? Five federations, all alike but for what travels:
#
# - **JSON**, as in the first edition,
# - **float32**: your message from 2.1 and 2.2, which has run already,
# - **float16**: two bytes for a number,
# - **int8**: your 2.4 and 2.5, down and up,
# - **top 10 %**: int8 down. Up goes only the tenth of an update's numbers that is largest, and the others count as "no
#   change". A number that stays needs its place with it, so it takes 8 bytes.
#
# > **Predict.** JSON, float32, float16 and int8: which of them learns best after six rounds, and by how many percentage
# > points? And does sending only a tenth of the update hurt?


# %%
def to_json(weights):
    """Write the weights as text."""
    return json.dumps([tensor.tolist() for tensor in weights]).encode()


def from_json(message):
    """Read them again."""
    return [np.array(tensor, np.float32) for tensor in json.loads(message)]


int8 = steps.broadcast.from_functions("my int8", to_levels, from_levels)
ways = {
    "JSON": [Codec("JSON", to_json, from_json)] * 2,
    "float16": [steps.broadcast.float16()] * 2,
    "int8": [int8, int8],
    "top 10 %": [int8, steps.broadcast.top_k(0.1)],
}
runs = {"float32": history}
for name, (down, up) in ways.items():
    runs[name] = experiment.federation(broadcast=down, upload=up).run(6)

lab.plots.compare(runs, title="Round by round: what is lost in rounding?")

# %%
megabytes = {name: np.cumsum([r.bytes_down + r.bytes_up for r in run]) / 1e6 for name, run in runs.items()}

lab.plots.lines(
    {name: (megabytes[name], run.server_accuracy) for name, run in runs.items()},
    x_label="MB sent and received so far",
    y_label="server accuracy (%)",
    title="Byte by byte: the same accuracy, at very different prices",
    subtitle="Six rounds, five clients; the axis grows by factors",
    log_x=True,
    percent=True,
)

# %%
for name, run in runs.items():
    reached = [i for i, accuracy in enumerate(run.server_accuracy) if accuracy >= 0.85]
    when = f"after round {reached[0] + 1}, for {megabytes[name][reached[0]]:5.1f} MB" if reached else "not yet"
    print(f"{name:9} 85 % of the digits right: {when}")

# %% [markdown]
# **Explain.** Round by round, four of the lines lie on top of each other. JSON and float32 are even the same to the
# last bit, because JSON loses nothing; it only takes five times the bytes. float16 and int8 do lose something, and it
# does not matter: half a step is less than what one round of training changes, and rounding goes up as often as down,
# so that the errors largely cancel where a network adds up. The same accuracy costs a twentieth of what JSON takes.
#
# Sending a tenth is another matter. It sounds like a tenth of the bytes, but with its place a number takes 8 bytes
# instead of 1, so a message is hardly smaller than with int8, and what was left out is missed in the first rounds. Byte
# by byte the two are about even here; with other seeds now the one is ahead, now the other. The methods from the
# literature are cleverer: a client remembers what it left out, and adds it to its next update.
#
# **Try it.** Change `0.1` to `0.01`: tiny messages, but how many rounds does it take? Or give the clients skewed data
# with `split="4"`.

# %% [markdown]
# ## Questions to think about
#
# 1. On the way down the *weights* are rounded, on the way up the *change* of the weights. Of which of the two errors
#    is something left in the server's model when the next round begins?
# 2. What could you do against outliers, if you are allowed to send a few numbers more for each tensor?
# 3. A stranger's message of 200 bytes claims in its header to hold a tensor of a trillion numbers. At which point
#    should a server notice?
#
# ## Sources
#
# - The model, the updates and why their bytes matter: H. B. McMahan et al., *Communication-Efficient Learning of Deep
#   Networks from Decentralized Data*, 2017, [arXiv:1602.05629](https://arxiv.org/abs/1602.05629), section 1.
# - Making updates smaller: J. Konečný et al., *Federated Learning: Strategies for Improving Communication Efficiency*,
#   2016, [arXiv:1610.05492](https://arxiv.org/abs/1610.05492).
# - Levels with a scale: B. Jacob et al., *Quantization and Training of Neural Networks for Efficient
#   Integer-Arithmetic-Only Inference*, 2018, [arXiv:1712.05877](https://arxiv.org/abs/1712.05877), section 2.1.
# - Sending only the largest numbers, and remembering the rest: A. F. Aji and K. Heafield, *Sparse Communication for
#   Distributed Gradient Descent*, 2017, [arXiv:1704.05021](https://arxiv.org/abs/1704.05021).
#
# **Next:** `03_local_update`. The weights have arrived. What does a client do with them?
