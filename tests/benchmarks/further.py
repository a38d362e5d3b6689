"""Two steps beyond the recipe of the notebooks, which `speed.py` measures.

They keep the `Trainer`: one changes the model, one is an optimizer for it.
"""

import torch
from transformers import PreTrainedModel
from transformers.models.bert.modeling_bert import BertLayer, eager_attention_forward


class FirstTokenLayer(BertLayer):
    """BERT's last layer, computed for the first token only: the classifier reads no other.

    Keys and values still come from all tokens, so the logits are the same. The output has shape
    (batch, 1, hidden size).
    """

    def forward(self, hidden_states: torch.Tensor, attention_mask=None, *unused, **kwargs):
        """Return the output at the first token, a tensor of shape (batch, 1, hidden size)."""
        attention, first = self.attention.self, hidden_states[:, :1]

        def heads(states: torch.Tensor) -> torch.Tensor:
            size = attention.attention_head_size
            return states.view(*states.shape[:-1], -1, size).transpose(1, 2)

        context, _ = eager_attention_forward(
            attention,
            heads(attention.query(first)),
            heads(attention.key(hidden_states)),
            heads(attention.value(hidden_states)),
            None if attention_mask is None else attention_mask[:, :, :1],
            scaling=attention.scaling,
            dropout=attention.dropout.p if self.training else 0.0,
        )
        context = context.reshape(first.shape)
        return self.feed_forward_chunk(self.attention.output(context, first))


def read_first_token_only(model: PreTrainedModel) -> PreTrainedModel:
    """Let the model's last layer compute its first token only; its weights stay where they are."""
    model.base_model.encoder.layer[-1].__class__ = FirstTokenLayer
    return model


class AdamWWithCopies(torch.optim.AdamW):
    """AdamW for a model in bf16: it updates copies in fp32, where small steps are not lost.

    `autocast` casts each weight and each gradient in each step; here each is cast once, and the
    activations are in bf16 from end to end.
    """

    def __init__(self, groups: list[dict], **arguments):
        self.weights = [weight for group in groups for weight in group["params"]]
        copies = [
            group | {"params": [weight.detach().float() for weight in group["params"]]}
            for group in groups
        ]
        super().__init__(copies, fused=True, **arguments)
        self.copies = [copy for group in self.param_groups for copy in group["params"]]

    def step(self, closure=None) -> None:
        """Update the copies with the gradients of the weights, and write them back."""
        for weight, copy in zip(self.weights, self.copies, strict=True):
            copy.grad, weight.grad = weight.grad.float(), None
        super().step()
        with torch.no_grad():
            torch._foreach_copy_(self.weights, self.copies)
