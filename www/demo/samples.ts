/** Structured messages an agent or bot may send (guest-api.md §3.4.4), one of each kind a visitor meets, and one nobody knows. */

export interface Sample { readonly id: string; readonly label: string; readonly text: string; readonly content: readonly object[] }

export const SAMPLES: readonly Sample[] = [
  {
    id: "quick-reply",
    label: "Quick replies",
    text: "Is the glaze still as you like it?",
    content: [
      { contentType: "QuickReply", quickReply: { text: "Yes, lovely", payload: "glaze-yes", action: "Message" } },
      { contentType: "QuickReply", quickReply: { text: "It has a chip", payload: "glaze-chip", action: "Message" } },
    ],
  },
  {
    id: "card",
    label: "Card",
    text: "This one is back in stock.",
    content: [
      {
        contentType: "Card",
        card: {
          title: "Moss teapot",
          description: "Stoneware, 0.8 l, dishwasher safe. € 64",
          actions: [
            { type: "Postback", text: "Keep one for me", payload: "keep-teapot" },
            { type: "Link", text: "Look at it", url: "https://example.com/teapot" },
          ],
        },
      },
    ],
  },
  {
    id: "carousel",
    label: "Carousel",
    text: "Three that go with it:",
    content: [
      {
        contentType: "Carousel",
        carousel: {
          cards: [
            { title: "Sand cup", description: "0.2 l. € 18", actions: [{ type: "Postback", text: "Add the cup", payload: "add-cup" }] },
            { title: "Moss bowl", description: "16 cm. € 29", actions: [{ type: "Postback", text: "Add the bowl", payload: "add-bowl" }] },
            { title: "Ash plate", description: "24 cm. € 26", actions: [{ type: "Postback", text: "Add the plate", payload: "add-plate" }] },
          ],
        },
      },
    ],
  },
  {
    id: "unknown",
    label: "Unknown",
    text: "",
    content: [{ contentType: "Hologram", hologram: { shape: "teapot", turns: 3 } }],
  },
];
