"""How fast training and prediction are: one table each.

    python tests/benchmarks/speed.py                       all parts that this machine can run
    python tests/benchmarks/speed.py training --rounds 5   one part

- training: recipes with the `Trainer` on the small track, in turn with each other, on texts
  as long as those of SST-2 and on `data/reviews`; the share of the machine's own rate for matrix
  products that goes into real tokens; then where the seconds of our recipe go, from the sampler to
  the optimizer. Ten minutes on two CPU cores.
- accuracy: the recipes but the one padded to 512 on `data/reviews`, with batches of 32, 64 and 128,
  six epochs each, three seeds: do they learn as much from as many examples? 21 minutes.
- steps: one training step of short texts in many variants, to see what pays, with the small
  track's model and with one of BERT-base's size (random weights). Five minutes. With GLIBC_TUNABLES
  as in README.md, the C library keeps what one step frees for the next.
- inference: latency and throughput of a model that was saved and loaded again. One minute.
- epoch: an epoch of SST-2's size with a model of BERT-base's size, random weights, on a CUDA GPU;
  the time of its steps broken down. `--smoke` runs a tiny one without a GPU, to test the code.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import transformers
from datasets import Dataset
from further import AdamWWithCopies, read_first_token_only
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    BertForSequenceClassification,
    DataCollatorWithPadding,
    PrinterCallback,
    Trainer,
    TrainingArguments,
    set_seed,
)

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from helpers import checkpoints, data, environment
from helpers.fine_tuning import new_model
from helpers.metrics import macro_f1

SENTENCES = 67_349  # in SST-2's training split
LONGEST = 66  # tokens, with [CLS] and [SEP]
CHECKPOINT = checkpoints.get("small")
LABELS = ("negative", "neutral", "positive")
PARTS = ("training", "accuracy", "steps", "inference", "epoch")
PADDED_512 = "padded to 512, batches of 16, fp32"
PADDED_BATCH = "padded to the batch, batches of 16, fp32"


def sst2_lengths(count: int, seed: int = 0) -> np.ndarray:
    """Draw numbers of tokens with SST-2's mean (13.3), 99th percentile (44) and maximum (66)."""
    normal = np.random.default_rng(seed).normal(2.414, 0.589, count)
    return np.clip(np.exp(normal).round(), 3, LONGEST).astype(int)


def texts_of_sst2_lengths(count: int, tokenizer) -> Dataset:
    """Cut the token ids of the reviews into pieces of such lengths; the labels are arbitrary."""
    texts = list(data.load_sentences("small")["train"]["text"])
    ids = np.concatenate(tokenizer(texts, add_special_tokens=False)["input_ids"])
    first, last = tokenizer.cls_token_id, tokenizer.sep_token_id
    rows, start = [], 0
    for length in sst2_lengths(count):
        piece = np.take(ids, range(start, start + length - 2), mode="wrap")
        rows.append([first, *piece.tolist(), last])
        start += length - 2
    return table_of(rows, [number % 3 for number in range(count)])


def table_of(rows: list[list[int]], labels: list[int]) -> Dataset:
    """Return a dataset of token ids, with a column for their lengths."""
    lengths = [len(row) for row in rows]
    masks = [[1] * length for length in lengths]
    columns = {"input_ids": rows, "attention_mask": masks, "labels": labels, "length": lengths}
    return Dataset.from_dict(columns)


def reviews(split: str, tokenizer) -> Dataset:
    """Return a split of `data/reviews`, tokenized."""
    table = data.load_sentences("small")[split]
    ids = tokenizer(list(table["text"]), truncation=True, max_length=128)["input_ids"]
    return table_of(ids, list(table["label"]))


def our_model() -> transformers.PreTrainedModel:
    """Return the small track's model as notebook 03 makes it."""
    model = new_model(CHECKPOINT, LABELS, dropout=0.0)
    model.base_model.embeddings.requires_grad_(False)
    return model


def further_model() -> transformers.PreTrainedModel:
    """Return our model in bf16, with a last layer that computes its first token only."""
    return read_first_token_only(our_model().to(torch.bfloat16))


def published_model() -> transformers.PreTrainedModel:
    """Return the model as it comes: everything is trained, with dropout."""
    return new_model(CHECKPOINT, LABELS)


def train(
    rows: Dataset, collator, model_init: Callable, optimizer: type | None = None, **arguments
) -> Trainer:
    """Train on the rows with the `Trainer`, once by default, and return it."""
    defaults = {"num_train_epochs": 1, "learning_rate": 1e-5, "per_device_eval_batch_size": 64}
    arguments = defaults | arguments
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            model_init=model_init,
            args=TrainingArguments(
                output_dir=folder,
                save_strategy="no",
                logging_strategy="no",
                report_to="none",
                disable_tqdm=True,
                dataloader_pin_memory=torch.cuda.is_available(),
                use_cpu=not torch.cuda.is_available(),
                length_column_name="length",
                **arguments,
            ),
            train_dataset=rows,
            data_collator=collator,
            optimizer_cls_and_kwargs=optimizer and (optimizer, {"lr": arguments["learning_rate"]}),
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return trainer


def speed_of(*arguments, **named) -> float:
    """Return the samples per second of a training, from its first batch to its last update."""
    return train(*arguments, **named).state.log_history[-1]["train_samples_per_second"]


def our_arguments(batch: int) -> dict:
    """Return the arguments of `TrainingArguments` that make the recipe fast."""
    half = environment.precision_arguments().get("bf16", False)
    arguments = {"per_device_train_batch_size": batch, "bf16": half}
    return arguments | {"train_sampling_strategy": "group_by_length"}


def further_arguments(batch: int) -> dict:
    """Return those for `further_model`, whose weights are in bf16 already."""
    return our_arguments(batch) | {"bf16": False, "optimizer": AdamWWithCopies}


def matrix_rate(dtype: torch.dtype, size: int = 2048) -> float:
    """Return the machine's best rate for a product of two square matrices, in operations/s."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    seconds = []
    for _ in range(8):
        wait()
        start = time.perf_counter()
        a @ b
        wait()
        seconds.append(time.perf_counter() - start)
    return 2 * size**3 / min(seconds)


def rates(products: list[float]) -> str:
    """Return the median of several rates in words, with the lowest and the highest."""
    median, low, high = (x / 1e9 for x in (np.median(products), min(products), max(products)))
    return f"{median:,.0f} billion operations/s ({low:,.0f} to {high:,.0f})"


def wait() -> None:
    """Wait until a GPU has done what it was told."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def training(rounds: int) -> None:
    """Print samples/s of the recipes, their ratios, their share of the machine, and where it goes.

    The last is the seconds that an epoch of our recipe spends in each part.
    """
    tokenizer = AutoTokenizer.from_pretrained(CHECKPOINT.name)
    to_longest = DataCollatorWithPadding(tokenizer)
    to_512 = DataCollatorWithPadding(tokenizer, padding="max_length", max_length=512)
    sets = {
        "SST-2's lengths": (texts_of_sst2_lengths(25_600, tokenizer), [128]),
        "data/reviews": (reviews("train", tokenizer), [32, 64]),
    }
    half = environment.precision_arguments().get("bf16", False)
    dtype = torch.bfloat16 if half else torch.float32
    plain = {"per_device_train_batch_size": 16}
    for name, (rows, sizes) in sets.items():
        some = rows.shuffle(seed=1)
        recipes = {
            PADDED_512: (some.select(range(32)), to_512, published_model, plain),
            PADDED_BATCH: (some.select(range(480)), to_longest, published_model, plain),
        }
        for size in sizes:
            ours = f"ours, batches of {size}{', bf16' if half else ''}"
            recipes[ours] = (rows, to_longest, our_model, our_arguments(size))
            if half:
                further = f"ours and further.py, batches of {size}"
                recipes[further] = (rows, to_longest, further_model, further_arguments(size))
        speed, products = {recipe: [] for recipe in recipes}, []
        train(some.select(range(2 * sizes[0])), to_longest, our_model, **our_arguments(sizes[0]))
        for _ in range(rounds):
            for recipe, (texts, collator, model_init, arguments) in recipes.items():
                speed[recipe].append(speed_of(texts, collator, model_init, **arguments))
                products.append(matrix_rate(dtype))
        weights = our_model().num_parameters(exclude_embeddings=True)
        mean_length = float(np.mean(rows["length"]))
        table = pd.DataFrame(speed).T
        shown = pd.DataFrame(
            {
                "samples/s": table.median(axis=1).round(1),
                "lowest": table.min(axis=1).round(1),
                "highest": table.max(axis=1).round(1),
                "times padded to 512": (table / table.loc[PADDED_512]).median(axis=1).round(1),
                "times padded to the batch": (table / table.loc[PADDED_BATCH])
                .median(axis=1)
                .round(2),
                "of the matrix rate": (
                    table.median(axis=1) * mean_length * 6 * weights / np.median(products)
                ).map("{:.1%}".format),
            }
        )  # fmt: skip
        kind = str(dtype).removeprefix("torch.")
        print(f"\n{name}: {mean_length:.1f} tokens on average, {rounds} rounds; matrix products in "
              f"{kind}: {rates(products)}")  # fmt: skip
        print(shown.to_string())
        seconds = {f"batches of {size}": seconds_of(rows, to_longest, size) for size in sizes}
        print("\nSeconds of one epoch of our recipe, by part:")
        print(pd.DataFrame(seconds).round(2).to_string())


def seconds_of(rows: Dataset, collator, size: int) -> dict[str, float]:
    """Return the seconds that an epoch of our recipe spends in each part, and its share of padding.

    The batches of the `Trainer`'s own loader, in a loop with a clock behind each part. "all in the
    Trainer" is an epoch of the `Trainer` itself, which does a little more between the parts.
    """
    trainer = train(rows, collator, our_model, **our_arguments(size))
    loader = trainer.get_train_dataloader()  # measures all texts, which no clock counts

    def now() -> float:
        wait()
        return time.perf_counter()

    start = now()
    batches = list(loader)
    seconds = {"sampler, loader, padding": now() - start}
    device = trainer.args.device
    model = our_model().to(device).train()
    weights = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=1e-5, fused=True)
    clocks = []
    for batch in [*batches[:2], *batches]:  # two to warm up
        clock = [now()]
        with torch.autocast(device.type, torch.bfloat16, enabled=trainer.args.bf16):
            loss = model(**batch).loss
        clock.append(now())
        loss.backward()
        clock.append(now())
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        clock.append(now())
        optimizer.step()
        optimizer.zero_grad()
        clock.append(now())
        clocks.append(np.diff(clock))
    parts = ("forward", "backward", "clipping", "optimizer")
    seconds |= dict(zip(parts, np.sum(clocks[2:], axis=0), strict=True))
    tokens = sum(batch["input_ids"].numel() for batch in batches)
    return seconds | {
        "all in the Trainer": trainer.state.log_history[-1]["train_runtime"],
        "share of padding": 1 - sum(rows["length"]) / tokens,
    }


def accuracy(seeds: int) -> None:
    """Print macro F1 on the validation reviews after six epochs, and the seconds of the runs.

    The learning rate grows with the square root of the batch size.
    """
    tokenizer = AutoTokenizer.from_pretrained(CHECKPOINT.name)
    collator = DataCollatorWithPadding(tokenizer)
    train_set, validation = (reviews(split, tokenizer) for split in ("train", "validation"))
    recipes = {PADDED_BATCH: (published_model, 16, {"per_device_train_batch_size": 16})}
    for batch in (32, 64, 128):
        recipes[f"ours, batches of {batch}"] = (our_model, batch, our_arguments(batch))
        if our_arguments(batch)["bf16"]:
            name = f"ours and further.py, batches of {batch}"
            recipes[name] = (further_model, batch, further_arguments(batch))
    rows = []
    for seed in range(1, seeds + 1):
        for name, (model_init, batch, arguments) in recipes.items():
            start = time.monotonic()
            trainer = train(
                train_set, collator, model_init, num_train_epochs=6, seed=seed,
                learning_rate=1.5e-4 * (batch / 32) ** 0.5, warmup_steps=0.1, weight_decay=0.01,
                **arguments,
            )  # fmt: skip
            seconds = time.monotonic() - start
            found = trainer.predict(validation)
            score = macro_f1(found.label_ids, found.predictions.argmax(-1))
            rows.append({"recipe": name, "macro F1": float(score), "seconds": seconds})
            print(f"{name}, seed {seed}: macro F1 {score:.3f}, {seconds:.0f} s", flush=True)
    table = pd.DataFrame(rows).groupby("recipe", sort=False).agg(["mean", "std", "min", "max"])
    print(f"\nAccuracy: data/reviews, six epochs, {seeds} seeds, validation split")
    print(table.round(3).T.to_string())


def make_step(
    batch: dict,
    attention: str = "sdpa",
    dropout: float = 0.1,
    frozen: bool = True,
    clip: bool = True,
    copies: bool = False,
    compiled: bool = False,
    first_token: bool = False,
    base: bool = False,
) -> tuple[Callable[[], None], int]:
    """Return a function that trains for one step on the batch, and the weights outside embeddings.

    With `copies` the model itself is in bf16, and the optimizer updates copies in fp32; without,
    `autocast` casts each weight in each step. With `base` the model has BERT-base's size and random
    weights, else those of the small track.
    """
    changes = {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
    # without the second one the first call would set it, and then compile again
    changes |= {"num_labels": 3, "problem_type": "single_label_classification"}
    if base:
        model = AutoModelForSequenceClassification.from_config(
            BertConfig(**changes), attn_implementation=attention
        )
    else:
        model = AutoModelForSequenceClassification.from_pretrained(
            CHECKPOINT.name, attn_implementation=attention, **changes
        )
    model.base_model.embeddings.requires_grad_(not frozen)
    model = model.to(torch.bfloat16 if copies else torch.float32).train()
    if first_token:
        read_first_token_only(model)
    weights = [p for p in model.parameters() if p.requires_grad]
    if copies:
        optimizer = AdamWWithCopies([{"params": weights}], lr=1e-5)
    else:
        optimizer = torch.optim.AdamW(weights, lr=1e-5, fused=True)
    forward = torch.compile(model) if compiled else model

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=not copies):
            loss = forward(**batch).loss
        loss.backward()
        if clip:
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return step, model.num_parameters(exclude_embeddings=True)


def random_batch(texts: int, tokens: int) -> dict[str, torch.Tensor]:
    """Return a batch of random texts, all of them about equally long."""
    ids = torch.randint(1000, 30_000, (texts, tokens))
    mask = torch.ones_like(ids)
    mask[::2, -1] = 0  # as in a batch whose texts are not all of the same length
    return {"input_ids": ids, "attention_mask": mask, "labels": torch.randint(0, 3, (texts,))}


def steps(rounds: int) -> None:
    """Print the milliseconds of a step in bf16, for many variants, then by length of the texts."""
    few, usual, many, most = (32, 64), (128, 13), (512, 13), (1024, 13)  # texts, tokens in each
    batches = {size: random_batch(*size) for size in (few, usual, many, most)}
    ours = {"attention": "eager", "dropout": 0.0}
    half = ours | {"copies": True}
    shortest = half | {"compiled": True, "first_token": True}
    variants = {  # size of the batch, and what is changed
        "all weights, dropout, sdpa": (usual, {"frozen": False}),
        "frozen embeddings, dropout, sdpa": (usual, {}),
        "frozen embeddings, dropout, eager": (usual, {"attention": "eager"}),
        "frozen embeddings, no dropout, sdpa": (usual, {"dropout": 0.0}),
        "frozen embeddings, no dropout, eager (ours)": (usual, ours),
        "ours without clipping": (usual, ours | {"clip": False}),
        "ours with weights in bf16, copies in fp32": (usual, half),
        "ours compiled": (usual, ours | {"compiled": True}),
        "ours compiled, weights in bf16": (usual, half | {"compiled": True}),
        "the last, and first token only": (usual, shortest),
        "1,024 texts: ours": (most, ours),
        "1,024 texts: compiled, weights in bf16, first token only": (most, shortest),
        "BERT-base's size: ours": (usual, ours | {"base": True}),
        "BERT-base's size, 32 texts with 64 tokens: ours": (few, ours | {"base": True}),
        "BERT-base's size, 512 texts: ours": (many, ours | {"base": True}),
        "BERT-base's size, 512 texts: compiled, weights in bf16": (
            many,
            half | {"compiled": True, "base": True},
        ),
    }
    rows, made = {}, {}
    for name, (size, changes) in variants.items():
        made[name], weights = make_step(batches[size], **changes)
        start = time.perf_counter()
        made[name]()
        made[name]()
        rows[name] = {
            "texts": size[0],
            "operations": 6 * weights * int(batches[size]["attention_mask"].sum()),
            "first two steps, s": time.perf_counter() - start,
        }
    times, products = [], []
    for _ in range(3 * rounds):
        times.append(one_round(made))
        products.append(matrix_rate(torch.bfloat16))
    table, rows = pd.DataFrame(times), pd.DataFrame(rows).T
    seconds = table.median() / 1000
    shown = pd.DataFrame(
        {
            "ms": table.median().round(),
            "lowest": table.min().round(),
            "highest": table.max().round(),
            "samples/s": (rows["texts"] / seconds).round(),
            "of the matrix rate": (rows["operations"] / seconds / np.median(products)).map(
                "{:.1%}".format
            ),
            "first two steps, s": rows["first two steps, s"].round(1),
        }
    )
    print(f"\nSteps of 128 texts with 13 tokens, unless the name says otherwise; bf16, "
          f"{3 * rounds} rounds; matrix products: {rates(products)}")  # fmt: skip
    print(shown.to_string())
    attention(3 * rounds)


def one_round(made: dict[str, Callable[[], None]]) -> dict[str, float]:
    """Return the milliseconds of each of the steps, taken one after the other."""
    times = {}
    for name, step in made.items():
        start = time.perf_counter()
        step()
        times[name] = 1000 * (time.perf_counter() - start)
    return times


def attention(rounds: int) -> None:
    """Print the milliseconds of a step of our recipe with both kinds of attention, by length."""
    times = {}
    for tokens in (16, 32, 64, 128, 256, 512):
        batch = random_batch(2048 // tokens, tokens)
        made = {kind: make_step(batch, kind, dropout=0.0)[0] for kind in ("eager", "sdpa")}
        one_round(made)  # a warm-up
        times[tokens] = pd.DataFrame([one_round(made) for _ in range(rounds)]).median()
    print("\nMilliseconds of a step with 2,048 tokens, no dropout, by tokens in a text:")
    print(pd.DataFrame(times).round().to_string())


def inference(rounds: int) -> None:
    """Print the latency of single texts and the throughput of batches of a reloaded model."""
    tokenizer = AutoTokenizer.from_pretrained(CHECKPOINT.name)
    texts = sorted(data.load_sentences("small")["validation"]["text"], key=len)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    half = any(environment.precision_arguments().get(kind) for kind in ("bf16", "fp16"))
    dtypes = [torch.float32] + [torch.bfloat16] * half
    models = {}
    with tempfile.TemporaryDirectory() as folder:
        our_model().save_pretrained(folder)
        for dtype in dtypes:
            loaded = AutoModelForSequenceClassification.from_pretrained(folder, dtype=dtype)
            models[str(dtype).removeprefix("torch.")] = loaded.to(device).eval()

    @torch.inference_mode()
    def predict(model, batch: list[str]) -> None:
        inputs = tokenizer(batch, padding=True, truncation=True, return_tensors="pt").to(device)
        model(**inputs).logits.argmax(-1).cpu()

    rows = {name: {"latency": [], "texts/s": []} for name in models}
    for round_ in range(rounds + 1):  # the first one is a warm-up
        for name, model in models.items():
            latencies = []
            for text in texts[::6]:
                start = time.perf_counter()
                predict(model, [text])
                latencies.append(1000 * (time.perf_counter() - start))
            start = time.perf_counter()
            for first in range(0, len(texts), 64):
                predict(model, texts[first : first + 64])
            if round_:
                rows[name]["latency"] += latencies
                rows[name]["texts/s"].append(len(texts) / (time.perf_counter() - start))
    table = pd.DataFrame(
        {
            name: {
                "one text, median ms": np.median(row["latency"]),
                "one text, 95th percentile ms": np.quantile(row["latency"], 0.95),
                "batches of 64, texts/s": np.median(row["texts/s"]),
                "lowest": min(row["texts/s"]),
                "highest": max(row["texts/s"]),
            }
            for name, row in rows.items()
        }
    ).T
    print(f"\nInference: {len(texts)} validation reviews, {rounds} rounds, tokenizer included")
    print(table.round(1).to_string())


def epoch(smoke: bool) -> None:
    """Print the seconds of an epoch of SST-2's size, and where the time of its steps goes.

    Sentences of similar length share a batch whose width is a multiple of 8, so there are few
    shapes, for each of which `torch.compile` records a CUDA graph. All batches lie on the GPU
    before the clock starts, as a loader that runs ahead would have them; no step waits for a
    number. Compiling and the first batch of each shape are counted apart.
    """
    device = "cpu" if smoke else "cuda"
    set_seed(0)
    size = {"num_hidden_layers": 1, "hidden_size": 48} if smoke else {}
    config = BertConfig(num_labels=2, hidden_dropout_prob=0.1, **size)
    model = BertForSequenceClassification(config).to(device).train()
    parameters = list(model.parameters())
    optimizer = torch.optim.AdamW(parameters, lr=torch.tensor(1e-5), fused=True)
    batch_size = 8 if smoke else 256
    batches = batches_of(sst2_lengths(200 if smoke else SENTENCES), batch_size, device)
    forward = model if smoke else torch.compile(model, mode="reduce-overhead", dynamic=False)
    names = ("forward", "backward", "clip and update")

    def step(batch: dict, marks: list | None = None) -> None:
        def mark():
            if marks is not None:
                marks.append(torch.cuda.Event(enable_timing=True))
                marks[-1].record()

        if not smoke:
            torch.compiler.cudagraph_mark_step_begin()
        mark()
        with torch.autocast(device, torch.bfloat16):
            loss = forward(**batch).loss
        mark()
        loss.backward()
        mark()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)
        mark()

    start = time.perf_counter()
    by_shape = {tuple(batch["input_ids"].shape): batch for batch in batches}
    for batch in by_shape.values():
        for _ in range(1 if smoke else 4):
            step(batch)
    wait()
    print(f"\nwarm-up with {len(by_shape)} shapes: {time.perf_counter() - start:.1f} s")
    seconds = []
    for _ in range(1 if smoke else 3):
        start = time.perf_counter()
        for batch in batches:
            step(batch)
        wait()
        seconds.append(time.perf_counter() - start)
    tokens = sum(int(batch["attention_mask"].sum()) for batch in batches)
    print(f"epoch of {len(batches)} steps, {tokens:,} real tokens: {np.median(seconds):.2f} s "
          f"({min(seconds):.2f} to {max(seconds):.2f})")  # fmt: skip
    if smoke:
        return
    marks = []
    for batch in batches:
        step(batch, marks)
    wait()
    rows = [
        [a.elapsed_time(b) for a, b in zip(one, one[1:], strict=False)]
        for one in (marks[i : i + 4] for i in range(0, len(marks), 4))
    ]
    print("milliseconds of a step:")
    print(pd.DataFrame(rows, columns=names).describe().loc[["mean", "50%", "max"]].round(2))
    weights = model.num_parameters(exclude_embeddings=True)
    rate = 6 * weights * tokens / np.median(seconds) / matrix_rate(torch.bfloat16, 8192)
    print(f"of the rate of matrix products in bf16: {rate:.1%}")
    print(f"peak memory: {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB")


def batches_of(lengths: np.ndarray, size: int, device: str) -> list[dict[str, torch.Tensor]]:
    """Return batches of random tokens in random order, each of texts of similar lengths.

    All have one size, so that few shapes occur: the last one is filled up with the shortest texts.
    """
    generator = np.random.default_rng(0)
    order = np.resize(np.argsort(lengths), -(-len(lengths) // size) * size)
    batches = []
    for start in generator.permutation(range(0, len(order), size)):
        part = lengths[order[start : start + size]]
        width = -(-part.max() // 8) * 8
        mask = torch.arange(width) < torch.tensor(part)[:, None]
        ids = torch.randint(1000, 30_000, mask.shape) * mask
        batch = {"input_ids": ids, "attention_mask": mask.long()}
        batch["labels"] = torch.randint(0, 2, (size,))
        batches.append({name: tensor.to(device) for name, tensor in batch.items()})
    return batches


def main() -> None:
    """Run the parts that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "parts", nargs="*", metavar="training | accuracy | steps | inference | epoch"
    )
    parser.add_argument("--rounds", type=int, default=3, help="repetitions, or seeds")
    parser.add_argument("--smoke", action="store_true", help="a tiny epoch, without a GPU")
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)}")
    parts = options.parts or PARTS
    environment.set_up()
    print("GLIBC_TUNABLES:", os.environ.get("GLIBC_TUNABLES", "not set"))
    if "training" in parts:
        training(options.rounds)
    if "accuracy" in parts:
        accuracy(options.rounds)
    if "steps" in parts:
        steps(options.rounds)
    if "inference" in parts:
        inference(options.rounds)
    if "epoch" in parts:
        if torch.cuda.is_available() or options.smoke:
            epoch(options.smoke)
        else:
            print("\nAn epoch of SST-2's size: not measured, as there is no CUDA GPU here.")


if __name__ == "__main__":
    main()
