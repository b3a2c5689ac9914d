"""The networks of the benchmark in PyTorch: torchvision's, and those that it does not have."""

import torch.nn.functional as F
import torchvision
from torch import nn
from torchvision.models.resnet import Bottleneck, ResNet


def conv(c, out, kernel=3, stride=1, **options):
    return nn.Conv2d(c, out, kernel, stride, padding=kernel // 2, **options)


def bn_conv(c, out, stride=1, kernel=3):
    return nn.Sequential(conv(c, out, kernel, stride, bias=False), nn.BatchNorm2d(out))


def head(c, classes):
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, classes)]


def lenet5():
    return nn.Sequential(
        nn.Conv2d(3, 16, 5), nn.MaxPool2d(2), nn.Conv2d(16, 32, 5), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(800, 32), nn.ReLU(), nn.Linear(32, 10),
    )  # fmt: skip


def listing_vgg():
    layers, c = [], 3
    for out in (64, 128, 256, 512, 512):
        layers += [conv(c, out), nn.ReLU(), conv(out, out), nn.ReLU(), nn.MaxPool2d(2)]
        c = out
    dense = [nn.Linear(512, 300), nn.ReLU(), nn.Linear(300, 200), nn.ReLU(), nn.Linear(200, 100)]
    return nn.Sequential(*layers, nn.Flatten(), *dense)


class Residual(nn.Module):
    """relu(body + shortcut)"""

    def __init__(self, body, shortcut=None):
        super().__init__()
        self.body, self.shortcut = body, shortcut or nn.Identity()

    def forward(self, x):
        return F.relu(self.body(x) + self.shortcut(x))


class Same(nn.Module):
    """TensorFlow's padding before a window of stride 1 or 2 on an input of even size, or of stride 2 on an odd one."""

    def __init__(self, kernel, window, stride=1, value=0.0):
        super().__init__()
        self.kernel, self.stride, self.window, self.value = kernel, stride, window, value

    def forward(self, x):
        size = x.shape[-1]
        more = max((-(-size // self.stride) - 1) * self.stride + self.kernel - size, 0)
        pads = [more // 2, more - more // 2] * 2
        return self.window(F.pad(x, pads, value=self.value))


def keras_bn(c):
    return nn.BatchNorm2d(c, eps=1e-3, momentum=0.01)


def listing_tensorflow_resnet18():
    same = lambda c, out, stride: Same(3, nn.Conv2d(c, out, 3, stride), stride)
    pool = Same(2, nn.MaxPool2d(2, 1), value=float("-inf"))
    layers, c = [nn.Conv2d(3, 50, 3), keras_bn(50), nn.ReLU(), pool], 50
    for out, first in ((50, 1), (150, 2), (300, 2), (500, 2)):
        for stride in (first, 1):
            body = [same(c, out, stride), keras_bn(out), nn.ReLU(), same(out, out, 1), keras_bn(out)]
            layers.append(Residual(nn.Sequential(*body), nn.Conv2d(c, out, 1, stride) if stride > 1 else None))
            c = out
    return nn.Sequential(*layers, *head(500, 100))


def listing_pytorch_resnet18(last_stride, classes):
    def unit(c, out, stride):
        body = [conv(c, out, stride=stride), nn.BatchNorm2d(out), nn.ReLU(), conv(out, out), nn.BatchNorm2d(out)]
        shortcut = nn.Sequential(nn.Conv2d(c, out, 1, stride), nn.BatchNorm2d(out)) if c != out else None
        return Residual(nn.Sequential(*body), shortcut)

    layers, c = [nn.Conv2d(3, 64, 3, 3), nn.BatchNorm2d(64), nn.ReLU()], 64
    for out, stride in ((128, 2), (256, 2), (512, 2), (512, last_stride)):
        layers += [unit(c, c, 1), unit(c, out, stride)]
        c = out
    return nn.Sequential(*layers, *head(512, classes))


def listing_transfer():
    children = list(torchvision.models.resnet18(weights=None).children())[:-1]
    return nn.Sequential(*children, nn.Flatten(), nn.Linear(512, 5))


class Pad(nn.Module):
    """Option A: every second unit, with maps of zeros."""

    def __init__(self, more):
        super().__init__()
        self.more = more

    def forward(self, x):
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.more // 2, self.more - self.more // 2))


def resnet_cifar(depth):
    layers, c = [bn_conv(3, 16), nn.ReLU()], 16
    for out in (16, 32, 64):
        for i in range((depth - 2) // 6):
            stride = 2 if i == 0 and out > c else 1
            body = nn.Sequential(bn_conv(c, out, stride), nn.ReLU(), bn_conv(out, out))
            layers.append(Residual(body, Pad(out - c) if stride > 1 else None))
            c = out
    return nn.Sequential(*layers, *head(64, 10))


class Preactivated(nn.Module):
    """Where the shape changes, the shortcut shares the first normalisation."""

    def __init__(self, c, out, stride):
        super().__init__()
        self.norm = nn.Sequential(nn.BatchNorm2d(c), nn.ReLU())
        self.body = nn.Sequential(bn_conv(c, out, stride), nn.ReLU(), conv(out, out, bias=False))
        changes = stride > 1 or c != out
        self.project = nn.Conv2d(c, out, 1, stride, bias=False) if changes else None

    def forward(self, x):
        y = self.norm(x)
        return self.body(y) + (self.project(y) if self.project else x)


def wrn(depth, widening):
    layers, c = [conv(3, 16, bias=False)], 16
    for out, first in ((16, 1), (32, 2), (64, 2)):
        for i in range((depth - 4) // 6):
            layers.append(Preactivated(c, widening * out, first if i == 0 else 1))
            c = widening * out
    return nn.Sequential(*layers, nn.BatchNorm2d(c), nn.ReLU(), *head(c, 10))


class Gated(Bottleneck):
    """torchvision's bottleneck with the gate of SENet behind its last normalisation."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        c = self.bn3.num_features
        self.bn3 = nn.Sequential(self.bn3, torchvision.ops.SqueezeExcitation(c, c // 16))


def batches(name, shape):
    """As src/bench.rs has them."""
    if shape[-1] > 100:
        return 1, 8
    # its last maps are 1x1, and batch normalisation needs two of them
    return (2 if name == "article_pt_resnet18_cifar10" else 1), 64


MODELS = {
    "article_lenet5_cifar10": lenet5,
    "article_vgg_cifar100": listing_vgg,
    "article_tf_resnet18_cifar100": listing_tensorflow_resnet18,
    "article_pt_resnet18_cifar10": lambda: listing_pytorch_resnet18(2, 10),
    "resnet20_cifar": lambda: resnet_cifar(20),
    "resnet56_cifar": lambda: resnet_cifar(56),
    "wrn_16_4": lambda: wrn(16, 4),
    "article_pt_resnet18_pokemon": lambda: listing_pytorch_resnet18(1, 5),
    "article_transfer_resnet18_pokemon": listing_transfer,
    "alexnet": torchvision.models.alexnet,
    "vgg16": lambda: torchvision.models.vgg16(init_weights=False),
    # without auxiliary heads, as convcheck describes it
    "googlenet": lambda: torchvision.models.googlenet(aux_logits=False, init_weights=False),
    "resnet18": torchvision.models.resnet18,
    "resnet50": torchvision.models.resnet50,
    "densenet121": torchvision.models.densenet121,
    "resnext50_32x4d": torchvision.models.resnext50_32x4d,
    "seresnet50": lambda: ResNet(Gated, [3, 4, 6, 3]),
}
