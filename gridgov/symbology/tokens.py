"""Design tokens: every colour and size that a page, map, picture or PDF may use, each with a name."""

from __future__ import annotations

from types import MappingProxyType

# Interface colours, sRGB hexadecimal.
COLOURS = MappingProxyType(
    {
        "ink-900": "#1b2430",
        "ink-700": "#3d4a5c",
        "ink-500": "#5d6b80",
        "line": "#d9dfe7",
        "line-strong": "#8d99a8",
        "surface": "#ffffff",
        "canvas": "#f4f6f8",
        "map-ground": "#eef0ee",
        "accent": "#0b5cab",
        "accent-dark": "#084a8b",
        "accent-soft": "#e8f1fb",
        "danger": "#b42318",
        "danger-soft": "#fdecea",
        "warn": "#8a5a00",
        "warn-soft": "#fff3d6",
        "ok": "#1b7742",
        "ok-soft": "#e6f4ec",
    }
)

# Colours that only the map has: the ground that everything lies on.
MAP_COLOURS = MappingProxyType(
    {
        "water": "#b7d8ee",
        "water-line": "#8fbfdf",
        "green": "#cfe5c4",
        "green-line": "#9cc48c",
        "road": "#ffffff",
        "road-line": "#d5d9d6",
        "building": "#d8cfae",
        "building-line": "#bdb188",
        "let": "#c4c9d1",
        "let-line": "#8d99a8",
        "land-unknown": "#e6e3dd",
    }
)

# Sizes in CSS pixels unless the name says otherwise.
SIZES = MappingProxyType(
    {
        "space-1": "4px",
        "space-2": "8px",
        "space-3": "12px",
        "space-4": "16px",
        "space-5": "24px",
        "space-6": "32px",
        "space-7": "48px",
        "radius": "6px",
        "shadow": "0 2px 10px rgb(27 36 48 / 16%)",
        "text-12": "12px",
        "text-13": "13px",
        "text-15": "15px",
        "text-18": "18px",
        "text-24": "24px",
        "motion": "150ms",
        "font": '"PingFang SC", "HarmonyOS Sans SC", "Noto Sans SC", "Noto Sans CJK SC", "Microsoft YaHei", '
        "system-ui, sans-serif",
    }
)
