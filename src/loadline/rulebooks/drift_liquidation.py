"""Drift v2's liquidations in integers: how much is taken over, what the liquidator and the insurance fund get.

Units as in drift_protocol.py; fees and multipliers at 6 decimals. ``None`` says that no amount is enough. Source: the
public program (Apache-2.0), math/liquidation, re-expressed.
"""

from __future__ import annotations

from loadline.rulebooks.drift_protocol import BASE, PRICE, WEIGHT
from loadline.rulebooks.protocol import ceil_div

FEE = 10**6
GRACE, STEP = 1_500, 1
"""Slots before the liquidator's fee grows, and by how much (1e-6) it does per slot."""
U32 = 2**32 - 1


def base_to_cover(shortage: int, ratio: int, fee: int, insurance_fee: int, price: int, quote_price: int) -> int | None:
    """Return the base to take over: ``shortage / (price quote (ratio - fee) - price insurance_fee)``."""
    ratio *= FEE // WEIGHT
    if price == 0 or ratio <= fee:
        return None
    freed = price * quote_price // PRICE * (ratio - fee) // FEE - price * insurance_fee // FEE
    return shortage * BASE // freed if freed > 0 else None


def liability_to_cover(
    shortage: int,
    *,
    asset_weight: int,
    asset_multiplier: int,
    liability_weight: int,
    liability_multiplier: int,
    decimals: int,
    price: int,
    insurance_fee: int,
) -> int | None:
    """Return the tokens of a loan to take over so that margin is met again.

    ``shortage / (price (w_l - w_a m_a / m_l - fee w_l))``, weights with one more digit for precision.
    """
    owed, owned = liability_weight * 10, asset_weight * 10 * asset_multiplier // liability_multiplier
    if asset_weight >= liability_weight or owned >= owed:
        return None
    up, down = 10 ** max(decimals - 6, 0), 10 ** max(6 - decimals, 0)
    freed = price * (owed - owned) - price * insurance_fee // FEE * owed
    return shortage * up * PRICE * WEIGHT * 10 // freed // down if freed > 0 else None


def liability_for_asset(
    assets: int,
    *,
    asset_multiplier: int,
    asset_decimals: int,
    asset_price: int,
    liability_multiplier: int,
    liability_decimals: int,
    liability_price: int,
) -> int:
    """Return the tokens of a loan that an amount of assets pays for, rounded up."""
    shift = liability_decimals - asset_decimals
    product = assets * 10 ** max(shift, 0) * asset_price * liability_multiplier
    return ceil_div(ceil_div(product, liability_price * asset_multiplier), 10 ** max(-shift, 0))


def asset_for_liability(
    assets: int,
    liability: int,
    *,
    asset_multiplier: int,
    asset_decimals: int,
    asset_price: int,
    liability_multiplier: int,
    liability_decimals: int,
    liability_price: int,
) -> int:
    """Return the assets that pay for a part of a loan; all of them where less than 1 USD would be left over."""
    shift = asset_decimals - liability_decimals
    product = liability * 10 ** max(shift, 0) * liability_price * asset_multiplier
    due = product // (asset_price * liability_multiplier) // 10 ** max(-shift, 0)
    left = abs(due - assets) * asset_price // PRICE
    left = left * 10 ** max(asset_decimals - 6, 0) // 10 ** max(6 - asset_decimals, 0)
    return assets if left < PRICE else due


def perpetual_insurance_fee(
    shortage: int, base: int, ratio: int, fee: int, price: int, quote_price: int, most: int
) -> int:
    """Return the insurance fund's fee on a perpetual: what the ratio leaves after shortage and liquidator, less 5 %."""
    ratio *= FEE // WEIGHT
    if 0 in (price, quote_price, base) or ratio <= fee:
        return 0
    needed = min(shortage * BASE // base * PRICE // (price * quote_price // PRICE), U32)
    return min(most, max(ratio - fee - needed, 0) * 19 // 20)


def spot_insurance_fee(
    shortage: int,
    tokens: int,
    *,
    asset_weight: int,
    asset_multiplier: int,
    liability_weight: int,
    liability_multiplier: int,
    decimals: int,
    price: int,
    most: int,
) -> int:
    """Return the insurance fund's fee on a loan: what the weights leave after shortage and liquidator."""
    if asset_weight >= liability_weight or 0 in (price, tokens, liability_multiplier):
        return 0
    owed, owned = liability_weight * (FEE // WEIGHT), asset_weight * (FEE // WEIGHT)
    needed = min(shortage * 10**decimals // tokens * PRICE // price, U32)
    left = max(max(owed - owned * asset_multiplier // liability_multiplier, 0) - needed, 0)
    return min(most, left * FEE // owed)


def liquidator_fee(base: int, most: int, since: int, now: int) -> int:
    """Return the liquidator's fee, growing by the slot after a grace period; ``since``: when the account was active.

    >>> liquidator_fee(20_000, 50_000, 0, 10_000)
    30000
    """
    elapsed = now - since
    return base if elapsed < GRACE else min(base + elapsed * STEP, most)
